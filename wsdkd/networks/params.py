"""Which backbone a network has, and in which precision it computes. Read without torch, as parameters are."""

from typing import Literal

from wsdkd.settings.numbers import Count, CountOrNone
from wsdkd.settings.sections import Section

Precision = Literal["fp32", "bf16", "fp16"]
InferencePrecision = Literal["auto", "fp32", "bf16", "fp16"]
"""``auto`` is bf16 on a GPU that computes in it, else fp32; see :mod:`wsdkd.networks.precision`."""

VGG_WIDTH = 4096
"""Of fc6 and fc7 in VGG16."""
VGG_BINS = 7
"""Cells of a feature map that fc6 of VGG16 takes, along each side."""


class Network(Section):
    """A backbone."""

    backbone: str = "tf_efficientnet_lite0"
    """``vgg16``, a torchvision ResNet (``resnet50`` ...) or any timm name."""
    weights: str | None = "imagenet"
    """``imagenet`` (shipped for EfficientNet-Lite0, -1 and -2, else downloaded), a local file, or null."""
    stride: Literal[8, 16, 32] = 16
    """Pixels of the input to one cell of the feature map; strides beyond it are taken out."""
    stages: Count | None = None
    """The first this many stages of a model of timm are used; docs/backbones.md says what these are."""
    frozen_stages: CountOrNone = 0
    """The first this many stages of the backbone keep their initial weights."""

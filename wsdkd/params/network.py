"""What the teacher and the student have in common: a backbone and the way it is optimised."""

from typing import Annotated, Literal

from pydantic import Field

from wsdkd.params.base import Section

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


class Network(Section):
    """A backbone."""

    backbone: str = "tf_efficientnet_lite0"
    """``vgg16``, a torchvision ResNet (``resnet50`` ...) or any timm name."""
    weights: str | None = "imagenet"
    """``imagenet`` (shipped, or downloaded by torchvision or timm), a local file, or null."""
    stride: Literal[8, 16, 32] = 16
    """Pixels of the input to one cell of the feature map; strides beyond it are taken out."""
    stages: Count | None = None
    """The first this many stages of an EfficientNet are used (its convolution head is the last)."""
    frozen_stages: Annotated[int, Field(ge=0)] = 0
    """The first this many stages of the backbone keep their initial weights."""


class Optimisation(Section):
    """How a network is trained in one stage of the pipeline."""

    epochs: Count
    batch_size: Count = 32
    optimizer: Literal["adamw", "sgd"] = "adamw"
    schedule: Literal["one_cycle", "step", "constant"] = "one_cycle"
    step_epochs: tuple[int, ...] = ()
    """Epochs after which schedule ``step`` divides the learning rate by ten."""
    learning_rate: Positive = 1e-3
    weight_decay: NonNegative = 1e-4
    head_multiplier: Positive = 1.0
    """New layers learn this many times faster than the pretrained ones."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Of the backbone and of linear layers; RoI layers and losses stay in fp32."""
    seed: Annotated[int, Field(ge=0)] = 0

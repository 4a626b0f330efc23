"""Taking strides out of the last stages of a backbone."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn


def take_out_strides(stages: Sequence[nn.Module], stride: int) -> None:
    """Set to 1 all strides that would take the feature map beyond ``stride``, in place.

    Without dilation: on CPUs, dilated depthwise convolutions train about half as fast, and training
    adapts the layers anyway.

    Args:
        stages: in order; left in evaluation mode.
        stride: pixels of the input to one cell of the last stage's feature map.
    """
    reached = 1
    for stage in stages:
        if reached < stride:
            with torch.no_grad():
                probe = torch.zeros(1, _first_channels(stage), 64, 64)
                reached *= 64 // int(stage.eval()(probe).shape[2])
        else:
            for layer in _strided(stage):
                layer.stride = (1, 1) if isinstance(layer, nn.Conv2d) else 1


def _strided(stage: nn.Module) -> Iterator[Any]:
    kinds = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
    for layer in stage.modules():
        if isinstance(layer, kinds) and layer.stride not in (1, (1, 1)):
            yield layer


def _first_channels(stage: nn.Module) -> int:
    return next(layer.in_channels for layer in stage.modules() if isinstance(layer, nn.Conv2d))

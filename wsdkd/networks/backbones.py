"""A backbone as a row of stages: images in, one feature map out; and fc6 and fc7, which may follow it.

A backbone is cut into stages so that the first of them can be frozen (and computed once), and so
that the stride of the last ones can be taken out: a feature map of stride 16 holds four times as
many cells as one of stride 32, which small regions need.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from wsdkd.ground.errors import UserError

PROBE = 64
"""Side of the picture that is sent through a network to see what comes out."""


class FullyConnected(nn.Sequential):
    """fc6 and fc7 of a classifier, with their ReLUs and dropout: (N, channels, bins, bins) -> (N, width)."""

    def __init__(self, *layers: nn.Module, bins: int, width: int):
        super().__init__(*layers)
        self.bins, self.width = bins, width


class Backbone(nn.Module):
    """A row of stages.

    Attributes:
        channels: of the feature map.
        stride: pixels of the input to one cell of the feature map.
        fully_connected: of backbones whose classifier brings fc6 and fc7 (VGG16).
        as_map: makes a feature map of what comes out of a stage, which with most backbones is one.
        recompute: whether, while training, only what goes from stage to stage is kept for gradients, and what
            is inside a stage is computed again (Chen et al., Training deep nets with sublinear memory cost,
            arXiv 1604.06174).
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self,
        stages: list[nn.Module],
        channels: int,
        stride: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        fully_connected: FullyConnected | None = None,
        frozen_stages: int = 0,
        as_map: nn.Module | None = None,
    ):
        super().__init__()
        if frozen_stages > len(stages):
            raise UserError(
                f"network.frozen_stages: the backbone has {len(stages)} stages, cannot freeze {frozen_stages}"
            )
        self.stages = nn.ModuleList(stages)
        self.channels, self.stride, self.frozen_stages = channels, stride, frozen_stages
        self.fully_connected = fully_connected
        self.recompute = False
        self.as_map = nn.Identity() if as_map is None else as_map
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        for stage in self.stages[:frozen_stages]:
            stage.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "Backbone":
        """Frozen stages stay in evaluation mode, so that their output never changes."""
        super().train(mode)
        for stage in self.stages[: self.frozen_stages]:
            stage.eval()
        return self

    @torch.no_grad()
    def stem(self, images: torch.Tensor) -> torch.Tensor:
        """The frozen stages: images (B, 3, H, W), uint8 or float in 0..255 -> their features."""
        features = (images.float() / 255 - self.mean) / self.std
        for stage in self.stages[: self.frozen_stages]:
            features = stage(features)
        return features

    def trunk(self, features: torch.Tensor) -> torch.Tensor:
        """The other stages: output of :meth:`stem` -> feature map (B, channels, H / stride, W / stride)."""
        for stage in self.stages[self.frozen_stages :]:
            features = self._through(stage, features)
        feature_map: torch.Tensor = self.as_map(features)
        return feature_map

    def maps(self, features: torch.Tensor) -> list[torch.Tensor]:
        """Output of :meth:`stem` -> the map of each stage that is not frozen, or the last stage's."""
        maps = []
        for stage in self.stages[self.frozen_stages :]:
            features = self._through(stage, features)
            maps.append(self.as_map(features))
        return maps or [self.as_map(features)]

    def _through(self, stage: nn.Module, features: torch.Tensor) -> torch.Tensor:
        if not (self.recompute and self.training and torch.is_grad_enabled()):
            through: torch.Tensor = stage(features)
            return through

        def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
            return nullcontext(), statistics_left_alone(stage)

        again: torch.Tensor = checkpoint(stage, features, use_reentrant=False, context_fn=contexts)
        return again

    @torch.no_grad()
    def widths(self) -> list[int]:
        """Channels of each of :meth:`maps`."""
        training = self.training
        self.eval()
        probe = torch.zeros(1, 3, 64, 64, device=self.mean.device)
        widths = [feature_map.shape[1] for feature_map in self.maps(self.stem(probe))]
        self.train(training)
        return widths

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (B, 3, H, W), RGB, uint8 or float in 0..255 -> (B, channels, H / stride, W / stride)."""
        return self.trunk(self.stem(images))


@contextmanager
def statistics_left_alone(module: nn.Module) -> Iterator[None]:
    """Within it, layers that normalise by a batch's statistics do not add these to their running ones."""
    layers = [layer for layer in module.modules() if isinstance(layer, _BatchNorm)]
    before = [(layer.momentum, layer.num_batches_tracked) for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
        if layer.num_batches_tracked is not None:
            layer.num_batches_tracked = layer.num_batches_tracked.clone()
    try:
        yield
    finally:
        for layer, (momentum, tracked) in zip(layers, before, strict=True):
            layer.momentum, layer.num_batches_tracked = momentum, tracked


def take_out_strides(stages: Sequence[nn.Module], stride: int) -> None:
    """Set to 1 all strides that would take the feature map beyond ``stride``, in place.

    Without dilation: on CPUs, dilated depthwise convolutions train about half as fast, and training
    adapts the layers anyway.

    Args:
        stages: in order; left in evaluation mode.
        stride: pixels of the input to one cell of the last stage's feature map.
    """
    features = torch.zeros(1, 3, PROBE, PROBE)
    for stage in stages:
        if PROBE // features.shape[3] >= stride:
            for layer in _strided(stage):
                layer.stride = (1, 1) if isinstance(layer, nn.Conv2d) else 1
        with torch.no_grad():
            features = stage.eval()(features)


def _strided(stage: nn.Module) -> Iterator[Any]:
    kinds = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
    for layer in stage.modules():
        if isinstance(layer, kinds) and layer.stride not in (1, (1, 1)):
            yield layer


def cell_layers(channels: int, hidden: int, *between: nn.Module) -> nn.Sequential:
    """Two 1 x 1 convolutions with ReLU: feature map (B, channels, h, w) -> (B, hidden, h, w).

    Args:
        channels: of the backbone's feature map.
        hidden: width of both layers.
        between: what stands between the two.
    """
    return nn.Sequential(
        nn.Conv2d(channels, hidden, 1),
        nn.ReLU(inplace=True),
        *between,
        nn.Conv2d(hidden, hidden, 1),
        nn.ReLU(inplace=True),
    )

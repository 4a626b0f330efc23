"""Backbones as a row of stages: images in, one feature map out.

A backbone is cut into stages so that the first of them can be frozen (and computed once), and so
that the stride of the last ones can be taken out: a feature map of stride 16 holds four times as
many cells as one of stride 32, which small regions need.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import timm
import torch
import torchvision
from torch import nn

from wsdkd.errors import UserError
from wsdkd.models import weights
from wsdkd.params.network import Network

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Backbone(nn.Module):
    """A row of stages.

    Attributes:
        channels: of the feature map.
        stride: pixels of the input to one cell of the feature map.
        fully_connected: fc6 and fc7 with their ReLUs and dropout, for backbones whose classifier
            brings them (VGG16); they take (N, channels, 7, 7).
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
        fully_connected: nn.Module | None = None,
        frozen_stages: int = 0,
    ):
        super().__init__()
        if frozen_stages > len(stages):
            raise UserError(
                f"frozen_stages: the backbone has {len(stages)} stages, cannot freeze {frozen_stages}"
            )
        self.stages = nn.ModuleList(stages)
        self.channels, self.stride, self.frozen_stages = channels, stride, frozen_stages
        self.fully_connected = fully_connected
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        for stage in self.stages[:frozen_stages]:
            stage.requires_grad_(False)

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
            features = stage(features)
        return features

    def maps(self, features: torch.Tensor) -> list[torch.Tensor]:
        """Output of :meth:`stem` -> the feature map of each stage that is not frozen, the last one last."""
        maps = []
        for stage in self.stages[self.frozen_stages :]:
            features = stage(features)
            maps.append(features)
        return maps

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


def build_backbone(params: Network) -> Backbone:
    """Build the backbone that ``params`` name, with its initial weights.

    Raises:
        UserError: no such backbone, weights that do not fit, or a stride or stage it does not have.
    """
    if params.backbone == "vgg16":
        return _vgg16(params)
    if params.backbone in RESNETS:
        return _resnet(params)
    return _timm(params)


def _download(params: Network, load: Any) -> weights.Weights:
    try:
        return dict(load())
    except OSError as error:
        raise UserError(
            f"weights of {params.backbone} cannot be downloaded ({error}); "
            "download them elsewhere and name the file in network.weights"
        ) from None


def _load(model: nn.Module, state: weights.Weights, params: Network) -> None:
    # Every tensor but the unused classifier's must be there and fit.
    own = model.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and value.shape == own[name].shape}
    missing = [name for name in own if name not in fitting and not name.endswith("num_batches_tracked")]
    heads = ("fc.", "classifier.", "head.")
    missing = [name for name in missing if not name.startswith(heads) or "fc6" in name]
    if missing:
        raise UserError(
            f"network.weights {params.weights}: {len(missing)} tensors of {params.backbone} are missing "
            f"or of another shape, first {missing[0]}"
        )
    model.load_state_dict(fitting, strict=False)


def _vgg16(params: Network) -> Backbone:
    # Stride 16: without the last pooling, which the RoI layer takes the place of (release).
    if params.stride != 16:
        raise UserError(f"network.stride: vgg16 has stride 16, got {params.stride}")
    model = torchvision.models.vgg16()
    if params.weights == "imagenet":
        enum = torchvision.models.VGG16_Weights.IMAGENET1K_V1
        _load(model, _download(params, lambda: enum.get_state_dict(progress=True, check_hash=True)), params)
    elif params.weights is not None:
        _load(model, weights.read_file(Path(params.weights)), params)
    stages: list[nn.Module] = []
    current: list[nn.Module] = []
    for layer in model.features[:-1]:
        current.append(layer)
        if isinstance(layer, nn.MaxPool2d):
            stages.append(nn.Sequential(*current))
            current = []
    stages.append(nn.Sequential(*current))
    fully_connected = nn.Sequential(nn.Flatten(), *list(model.classifier)[:6])
    return Backbone(
        stages, 512, 16, IMAGENET_MEAN, IMAGENET_STD, fully_connected, frozen_stages=params.frozen_stages
    )


RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


def _resnet(params: Network) -> Backbone:
    model = torchvision.models.get_model(params.backbone)
    if params.weights == "imagenet":
        enum = torchvision.models.get_model_weights(params.backbone).DEFAULT
        _load(model, _download(params, lambda: enum.get_state_dict(progress=True, check_hash=True)), params)
    elif params.weights is not None:
        _load(model, weights.read_file(Path(params.weights)), params)
    stem = nn.Sequential(model.conv1, model.bn1, model.relu, model.maxpool)
    stages = [stem, model.layer1, model.layer2, model.layer3, model.layer4]
    _take_out_strides(stages, params.stride)
    return Backbone(
        stages,
        model.fc.in_features,
        params.stride,
        IMAGENET_MEAN,
        IMAGENET_STD,
        frozen_stages=params.frozen_stages,
    )


def _timm(params: Network) -> Backbone:
    try:
        model: Any = timm.create_model(params.backbone)
    except RuntimeError:
        raise UserError(
            f"network.backbone: {params.backbone!r} is neither vgg16, nor one of {', '.join(RESNETS)}, "
            "nor a model of timm (see timm.list_models())"
        ) from None
    if params.weights == "imagenet" and params.backbone == weights.LITE0:
        _load(model, weights.shipped_lite0(list(model.state_dict())), params)
    elif params.weights == "imagenet":
        load = timm.create_model
        _load(model, _download(params, lambda: load(params.backbone, pretrained=True).state_dict()), params)
    elif params.weights is not None:
        _load(model, weights.read_file(Path(params.weights)), params)
    mean, std = tuple(model.pretrained_cfg["mean"]), tuple(model.pretrained_cfg["std"])
    if not all(hasattr(model, part) for part in ("conv_stem", "blocks", "conv_head")):
        return _timm_whole(model, params, mean, std)
    stages = [nn.Sequential(model.conv_stem, model.bn1), *model.blocks]
    stages.append(nn.Sequential(model.conv_head, model.bn2))
    _take_out_strides(stages, params.stride)
    kept = stages[: params.stages]
    with torch.no_grad():
        probe = torch.zeros(1, 3, 64, 64)
        for stage in kept:
            probe = stage.eval()(probe)
    return Backbone(
        kept, int(probe.shape[1]), 64 // int(probe.shape[2]), mean, std, frozen_stages=params.frozen_stages
    )


class _FeatureMap(nn.Module):
    """A whole timm model up to its feature map, channels first."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.model(images)[-1]
        return features


def _timm_whole(model: nn.Module, params: Network, mean: Any, std: Any) -> Backbone:
    # Any other architecture: its deepest feature map of at most the wanted stride, as one stage.
    whole: Any = timm.create_model(params.backbone, features_only=True)
    info = whole.feature_info
    fitting = [place for place, reduction in enumerate(info.reduction()) if reduction <= params.stride]
    if not fitting:
        raise UserError(
            f"network.stride: {params.backbone} has strides {info.reduction()}, not {params.stride} or less"
        )
    place = fitting[-1]
    cut = timm.create_model(params.backbone, features_only=True, out_indices=(place,))
    cut.load_state_dict(model.state_dict(), strict=False)
    return Backbone(
        [_FeatureMap(cut)],
        info.channels(place),
        info.reduction(place),
        mean,
        std,
        frozen_stages=params.frozen_stages,
    )


def _strided(stage: nn.Module) -> Iterator[Any]:
    kinds = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
    for layer in stage.modules():
        if isinstance(layer, kinds) and layer.stride not in (1, (1, 1)):
            yield layer


def _take_out_strides(stages: list[nn.Module], stride: int) -> None:
    # Strides beyond the wanted one become 1, without dilation: on CPUs, dilated depthwise
    # convolutions train about half as fast, and training adapts the layers anyway.
    reached = 1
    for stage in stages:
        if reached < stride:
            with torch.no_grad():
                probe = torch.zeros(1, _first_channels(stage), 64, 64)
                reached *= 64 // int(stage.eval()(probe).shape[2])
        else:
            for layer in _strided(stage):
                layer.stride = (1, 1) if isinstance(layer, nn.Conv2d) else 1


def _first_channels(stage: nn.Module) -> int:
    return next(layer.in_channels for layer in stage.modules() if isinstance(layer, nn.Conv2d))

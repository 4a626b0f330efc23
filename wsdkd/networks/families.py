"""From parameters to a backbone.

VGG16 as released and torchvision's ResNets stage by stage; of timm EfficientNets stage by stage, any other
architecture as a whole.
"""

from typing import Any

import timm
import torch
import torchvision
from torch import nn

from wsdkd.ground.errors import UserError
from wsdkd.networks.backbones import Backbone, FullyConnected, take_out_strides
from wsdkd.networks.params import VGG_BINS, VGG_WIDTH, Network
from wsdkd.networks.weights import SHIPPED, StateDict, initialise, shipped

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
EFFICIENTNET = ("conv_stem", "bn1", "blocks", "conv_head", "bn2")
"""Parts of timm's EfficientNets and of what is built like them."""
PROBE = 64  # side of the image that is sent through a network to see what comes out


def build_backbone(params: Network) -> Backbone:
    """Build the backbone that ``params`` name, with its initial weights.

    Raises:
        UserError: no such backbone, weights that do not fit, or a stride or stage it does not have.
    """
    if params.backbone == "vgg16":
        return vgg16(params)
    if params.backbone in RESNETS:
        return resnet(params)
    return timm_backbone(params)


def vgg16(params: Network) -> Backbone:
    """VGG16 up to conv5_3, with fc6 and fc7 of its ImageNet classifier (release).

    Without the last pooling, which the RoI layer takes the place of, so that the stride is 16.

    Raises:
        UserError: another stride, a choice of stages, or weights that do not fit.
    """
    if params.stride != 16:
        raise UserError(f"network.stride: vgg16 has stride 16, got {params.stride}")
    _has_no_choice(params)
    model = torchvision.models.vgg16()
    enum = torchvision.models.VGG16_Weights.IMAGENET1K_V1
    initialise(
        model, params, lambda: enum.get_state_dict(progress=True, check_hash=True), unused=("classifier.6.",)
    )
    stages: list[nn.Module] = []
    current: list[nn.Module] = []
    for layer in model.features[:-1]:
        current.append(layer)
        if isinstance(layer, nn.MaxPool2d):
            stages.append(nn.Sequential(*current))
            current = []
    stages.append(nn.Sequential(*current))
    layers = list(model.classifier)[:6]
    fully_connected = FullyConnected(nn.Flatten(), *layers, bins=VGG_BINS, width=VGG_WIDTH)
    return Backbone(stages, 512, 16, MEAN, STD, fully_connected, frozen_stages=params.frozen_stages)


def resnet(params: Network) -> Backbone:
    """One of :data:`RESNETS` in five stages.

    Raises:
        UserError: a choice of stages, or weights that do not fit.
    """
    _has_no_choice(params)
    model = torchvision.models.get_model(params.backbone)
    enum = torchvision.models.get_model_weights(params.backbone).DEFAULT
    initialise(model, params, lambda: enum.get_state_dict(progress=True, check_hash=True), unused=("fc.",))
    stem = nn.Sequential(model.conv1, model.bn1, model.relu, model.maxpool)
    stages = [stem, model.layer1, model.layer2, model.layer3, model.layer4]
    take_out_strides(stages, params.stride)
    return Backbone(
        stages, model.fc.in_features, params.stride, MEAN, STD, frozen_stages=params.frozen_stages
    )


def _has_no_choice(params: Network) -> None:
    if params.stages is not None:
        raise UserError(f"network.stages: {params.backbone} is used whole; only null, got {params.stages}")


def timm_backbone(params: Network) -> Backbone:
    """The backbone of this name in timm.

    Raises:
        UserError: no such name, weights that do not fit, no such stride or stages, or an
            architecture that gives no feature map of images of any size.
    """
    model = _created(params.backbone)
    classifier = model.pretrained_cfg.get("classifier") or ()
    unused = tuple(f"{name}." for name in ([classifier] if isinstance(classifier, str) else classifier))
    initialise(model, params, lambda: _imagenet(model, params.backbone), unused)
    mean, std = tuple(model.pretrained_cfg["mean"]), tuple(model.pretrained_cfg["std"])
    if not all(hasattr(model, part) for part in EFFICIENTNET):
        return _whole(model, params, mean, std)
    stages = [nn.Sequential(model.conv_stem, model.bn1), *model.blocks]
    stages.append(nn.Sequential(model.conv_head, model.bn2))
    if params.stages is not None and params.stages > len(stages):
        raise UserError(
            f"network.stages: {params.backbone} has {len(stages)} stages, cannot use {params.stages}"
        )
    take_out_strides(stages, params.stride)
    kept = stages[: params.stages]
    with torch.no_grad():
        probe = torch.zeros(1, 3, PROBE, PROBE)
        for stage in kept:
            probe = stage.eval()(probe)
    return Backbone(
        kept, int(probe.shape[1]), PROBE // int(probe.shape[2]), mean, std, frozen_stages=params.frozen_stages
    )


def _created(name: str) -> Any:
    # A colon names a source that is not timm itself, as hf-hub: does.
    if not timm.is_model(name) and ":" not in name:
        raise UserError(
            f"network.backbone: {name!r} is neither vgg16, nor a ResNet of torchvision (resnet50 ...), nor a "
            "model of timm (see timm.list_models())"
        )
    try:
        return timm.create_model(name)
    except (RuntimeError, ValueError, OSError) as error:
        # Weights of no such name, a source that does not answer, no memory: timm says which.
        raise UserError(f"network.backbone: timm cannot build {name!r}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _imagenet(model: Any, name: str) -> StateDict:
    if name in SHIPPED:
        return shipped(name, model.state_dict())
    config = model.pretrained_cfg
    if not any(config.get(key) for key in ("hf_hub_id", "url", "file")):
        raise UserError(f"network.weights: timm has no weights for {name}; name a local file, or null")
    return dict(timm.create_model(name, pretrained=True).state_dict())


class _FeatureMap(nn.Module):
    """A whole timm model up to its feature map, channels first."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.model(images)[-1]
        return features


def _whole(model: nn.Module, params: Network, mean: Any, std: Any) -> Backbone:
    # Its deepest feature map of at most the wanted stride, as one stage.
    if params.stages is not None:
        raise UserError(f"network.stages: {params.backbone} is used whole; only null, got {params.stages}")
    info = _features(params.backbone).feature_info
    fitting = [place for place, reduction in enumerate(info.reduction()) if reduction <= params.stride]
    if not fitting:
        raise UserError(
            f"network.stride: {params.backbone} has strides {info.reduction()}, not {params.stride} or less"
        )
    place = fitting[-1]
    channels, stride = info.channels()[place], info.reduction()[place]
    # timm names the tensors of a feature extractor otherwise than those of the model, so that only
    # timm itself can carry them over.
    cut = _features(
        params.backbone,
        out_indices=(info.out_indices[place],),
        pretrained=params.weights is not None,
        pretrained_cfg_overlay={"state_dict": model.state_dict()},
    )
    stage = _FeatureMap(cut)
    if _probed(stage) != (1, channels, PROBE // stride, PROBE // stride):
        raise UserError(
            f"network.backbone: {params.backbone} gives no feature map (channels, height, width) of images "
            "of any size; choose a convolutional one"
        )
    return Backbone([stage], channels, stride, mean, std, frozen_stages=params.frozen_stages)


def _features(name: str, **options: Any) -> Any:
    try:
        # Transformers take images of one size alone, unless they are told otherwise.
        return timm.create_model(name, features_only=True, dynamic_img_size=True, **options)
    except TypeError:
        pass
    try:
        return timm.create_model(name, features_only=True, **options)
    except (RuntimeError, AttributeError, AssertionError, TypeError) as error:
        raise UserError(f"network.backbone: {name} gives no feature maps: {error}") from None


def _probed(stage: nn.Module) -> tuple[int, ...] | None:
    try:
        with torch.no_grad():
            return tuple(stage.eval()(torch.zeros(1, 3, PROBE, PROBE)).shape)
    except (RuntimeError, AssertionError):
        return None

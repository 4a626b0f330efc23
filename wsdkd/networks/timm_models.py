"""Models of timm as backbones: cut into stages where they are a row of them, and as a whole where not.

Which family is cut how, and what was tried with each: docs/backbones.md.
"""

from copy import deepcopy
from typing import Any, NamedTuple

import torch
from torch import nn

from wsdkd.ground.errors import UserError
from wsdkd.networks.backbones import PROBE, Backbone, take_out_strides
from wsdkd.networks.deferred_compiler import compiler_deferred
from wsdkd.networks.params import Network
from wsdkd.networks.transformers import transformer_stages
from wsdkd.networks.weights import SHIPPED, StateDict, initialise, shipped

with compiler_deferred():
    import timm
    from timm.layers.format import Format
    from timm.models._features import FeatureListNet

HEADED = ("conv_stem", "bn1", "blocks", "conv_head", "bn2")
"""Parts of timm's EfficientNets and of what is built like them: a convolution is behind the last block."""
HEADLESS = ("MobileNetV3", "MobileNetV3Features")
"""Classes of timm with a stem and blocks like theirs, whose head comes after pooling."""
TRANSFORMERS = ("VisionTransformer", "Eva")
"""Classes of timm that are an embedding of patches and a row of equal blocks."""
ANY_SIZE: tuple[dict[str, Any], ...] = (
    {"dynamic_img_size": True},
    {"strict_img_size": False, "dynamic_mask": True},
    {"strict_img_size": False},
    {},
)
"""How architectures are told to take images of any size; each knows one of these."""


class Cut(NamedTuple):
    """A model in stages.

    Attributes:
        stages: in order.
        as_map: makes a map of what comes out of any of them; None: it is one.
        side: of a picture that shows what comes out, a multiple of all strides.
    """

    stages: list[nn.Module]
    as_map: nn.Module | None = None
    side: int = PROBE

    @torch.no_grad()
    def reached(self) -> list[tuple[int, int]]:
        """Channels and stride of the map of each stage; leaves them in evaluation mode.

        Raises:
            UserError: what comes out of a stage is no map.
        """
        features, found = torch.zeros(1, 3, self.side, self.side), []
        for stage in self.stages:
            features = stage.eval()(features)
            shown = features if self.as_map is None else self.as_map(features)
            if shown.dim() != 4 or shown.shape[2] != shown.shape[3] or self.side % shown.shape[3]:
                raise UserError(f"network.backbone: a stage gives {tuple(shown.shape)}, which is no map")
            found.append((int(shown.shape[1]), self.side // int(shown.shape[3])))
        return found


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
    cut = _cut(model, params)
    if cut is None:
        return _whole(model, params, mean, std)
    if params.stages is not None and params.stages > len(cut.stages):
        raise UserError(
            f"network.stages: {params.backbone} has {len(cut.stages)} stages, cannot use {params.stages}"
        )
    kept = _within(cut._replace(stages=cut.stages[: params.stages]), params)
    channels, stride = kept.reached()[-1]
    return Backbone(
        kept.stages, channels, stride, mean, std, frozen_stages=params.frozen_stages, as_map=kept.as_map
    )


def _cut(model: Any, params: Network) -> Cut | None:
    # None: not a row of stages.
    if all(hasattr(model, part) for part in HEADED):
        head = nn.Sequential(model.conv_head, model.bn2)
        return Cut([nn.Sequential(model.conv_stem, model.bn1), *model.blocks, head])
    kind = type(model).__name__
    if kind in HEADLESS:
        return Cut([nn.Sequential(model.conv_stem, model.bn1), *model.blocks])
    if kind in TRANSFORMERS and not getattr(model, "rope_mixed", False):
        patch = int(model.patch_embed.patch_size[0])
        stages, as_map = transformer_stages(_any_size(model, params.backbone), patch)
        return Cut(stages, as_map, side=4 * patch)
    extractor = _features(params.backbone, **_weights_of(model, params))
    if not isinstance(extractor, FeatureListNet) or extractor.concat:
        return None
    channels_last = extractor.output_fmt == Format.NHWC
    stages, current = [], []
    for name, module in extractor.items():
        current.append(module)
        if name in extractor.return_layers:
            stage = nn.Sequential(*current)
            stages.append(_ChannelsFirst(stage, is_first=not stages) if channels_last else stage)
            current = []
    return Cut(stages)


class _ChannelsFirst(nn.Module):
    """A stage that keeps channels last, with maps that have them first."""

    def __init__(self, stage: nn.Module, is_first: bool):
        super().__init__()
        self.stage, self.is_first = stage, is_first

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        inputs = features if self.is_first else features.permute(0, 2, 3, 1)
        outputs: torch.Tensor = self.stage(inputs)
        return outputs.permute(0, 3, 1, 2)


def _any_size(model: Any, name: str) -> Any:
    # The same model, which now takes pictures of any size: timm decides that when it is built.
    dynamic = timm.create_model(name, dynamic_img_size=True)
    dynamic.load_state_dict(model.state_dict())
    return dynamic


def _within(cut: Cut, params: Network) -> Cut:
    """Stages that do not go beyond the stride that is wanted.

    The strides beyond it are taken out where the maps then come out as they should. They do not where
    patches are merged without overlap (Swin, ConvNeXt) or blurred: there the deeper stages are left out.

    Raises:
        UserError: the first stage goes beyond it already, or a stage gives no map.
    """
    reached = cut.reached()
    if reached[-1][1] <= params.stride:
        return cut
    whole = cut._replace(stages=deepcopy(cut.stages))
    try:
        take_out_strides(whole.stages, params.stride)
        if whole.reached()[-1][1] == params.stride:
            return whole
    except (RuntimeError, UserError):  # maps of two branches that no longer fit each other
        pass
    fitting = [
        stage for stage, (_, stride) in zip(cut.stages, reached, strict=True) if stride <= params.stride
    ]
    if not fitting:
        strides = [stride for _, stride in reached]
        raise UserError(
            f"network.stride: {params.backbone} has strides {strides}, not {params.stride} or less"
        )
    return cut._replace(stages=fitting)


def _created(name: str) -> Any:
    # Names of other sources, as hf-hub: or local-dir:, are none: a stranger's network may hold one, and timm
    # would fetch from there what it says, weights and code of layers.
    if not timm.is_model(name) or ":" in name:
        raise UserError(
            f"network.backbone: {name!r} is neither vgg16, nor a ResNet of torchvision (resnet50 ...), nor a "
            "model of timm (see timm.list_models())"
        )
    try:
        return timm.create_model(name)
    except (RuntimeError, ValueError, OSError) as error:
        # Weights of no such name, or no memory: timm says which.
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
    cut = _features(params.backbone, out_indices=(info.out_indices[place],), **_weights_of(model, params))
    stage = _FeatureMap(cut)
    if _probed(stage) != (1, channels, PROBE // stride, PROBE // stride):
        raise UserError(
            f"network.backbone: {params.backbone} gives no feature map (channels, height, width) of images "
            "of any size; choose a convolutional one"
        )
    return Backbone([stage], channels, stride, mean, std, frozen_stages=params.frozen_stages)


def _weights_of(model: nn.Module, params: Network) -> dict[str, Any]:
    # timm names the tensors of a feature extractor otherwise than those of the model, so that only
    # timm itself can carry them over.
    return {
        "pretrained": params.weights is not None,
        "pretrained_cfg_overlay": {"state_dict": model.state_dict()},
    }


def _features(name: str, **options: Any) -> Any:
    reason: Exception | None = None
    for any_size in ANY_SIZE:
        try:
            return timm.create_model(name, features_only=True, **any_size, **options)
        except TypeError as error:
            reason = error
        except (RuntimeError, AttributeError, AssertionError) as error:
            reason = error
            break
    raise UserError(f"network.backbone: {name} gives no feature maps: {reason}") from None


def _probed(stage: nn.Module) -> tuple[int, ...] | None:
    try:
        with torch.no_grad():
            return tuple(stage.eval()(torch.zeros(1, 3, PROBE, PROBE)).shape)
    except (RuntimeError, AssertionError):
        return None

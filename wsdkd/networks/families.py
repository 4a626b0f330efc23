"""From parameters to a backbone.

VGG16 as released and torchvision's ResNets here, timm's models in :mod:`wsdkd.networks.timm_models`.
"""

from torch import nn

from wsdkd.ground.errors import UserError
from wsdkd.networks.backbones import Backbone, FullyConnected, take_out_strides
from wsdkd.networks.deferred_compiler import compiler_deferred
from wsdkd.networks.params import VGG_BINS, VGG_WIDTH, Network
from wsdkd.networks.timm_models import timm_backbone
from wsdkd.networks.weights import initialise

with compiler_deferred():
    import torchvision

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


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

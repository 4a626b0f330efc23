"""From parameters to a backbone."""

from wsdkd.models.backbones import Backbone
from wsdkd.models.timm_backbones import timm_backbone
from wsdkd.models.torchvision_backbones import RESNETS, resnet, vgg16
from wsdkd.params.network import Network


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

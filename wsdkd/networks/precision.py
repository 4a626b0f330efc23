"""In which precision a network computes: convolutions and linear layers in half or single, scores in single.

Half precision is autocast's: weights stay in single. What a score is made of never is in half: RoI operations
(:mod:`wsdkd.networks.roi_pooling`), the last linear layer, whose logits would have steps of 1/16 from 8 on in
bfloat16, and all softmaxes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import nn

from wsdkd.ground.errors import UserError
from wsdkd.networks.params import InferencePrecision, Precision

Model = TypeVar("Model", bound=nn.Module)

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


def settled(precision: InferencePrecision, device: torch.device) -> Precision:
    """What ``auto`` stands for on a device: bf16 on a GPU that computes in it, else fp32.

    Raises:
        UserError: fp16 without a GPU.
    """
    on_gpu = device.type == "cuda"
    if precision == "fp16" and not on_gpu:
        raise UserError("precision: fp16 needs a GPU; bf16 and fp32 work without one")
    if precision != "auto":
        return precision
    # Older cards emulate it, more slowly than they compute in fp32.
    return "bf16" if on_gpu and torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"


def placed(model: Model, device: torch.device) -> Model:
    """A network moved to a device for inference, its weights channels last; what is in fp32 is so in full."""
    allow_tf32(False)
    return model.to(device).to(memory_format=torch.channels_last)


@contextmanager
def computing_in(precision: InferencePrecision, device: torch.device) -> Iterator[None]:
    """Within it, networks on a device compute in a precision.

    Raises:
        UserError: fp16 without a GPU.
    """
    half = HALF.get(settled(precision, device))
    if half is None:
        yield
        return
    with torch.autocast(device.type, half):
        yield


def in_single(layer: nn.Module, features: torch.Tensor) -> torch.Tensor:
    """A layer computed in fp32, whatever autocast says: features of any precision -> float32."""
    kind = features.device.type
    # The device "meta", on which costs are counted, knows no autocast.
    if not (torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)):
        found: torch.Tensor = layer(features)
        return found.float()
    with torch.autocast(kind, enabled=False):
        single: torch.Tensor = layer(features.float())
    return single


def allow_tf32(allowed: bool) -> None:
    """Whether a GPU may compute what stays in fp32 on its tensor cores, which round factors to ten bits.

    torch's own defaults are half of each: convolutions may, products of matrices may not.
    """
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    torch.backends.cudnn.allow_tf32 = allowed

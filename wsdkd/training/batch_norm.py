"""Batch normalisation over the whole batch, where several processes share it.

A network is then trained to the same weights by any number of processes. On GPUs torch's own SyncBatchNorm
does it, with kernels made for it and two messages where ours takes three. It refuses tensors on a CPU; there
every call of batch normalisation is led through the function in this module.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from timm.layers.norm_act import convert_sync_batchnorm
from torch import distributed, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


def convert_for_gpus(model: nn.Module) -> None:
    """Put SyncBatchNorm in the place of each layer of batch normalisation, in place.

    Names, parameters and statistics stay, and so does what a layer gives in evaluation mode, on any device.
    timm's conversion knows the layers of torch and those of its own that have their activation within. A
    second call does nothing: that conversion would lose those activations.
    """
    if not any(isinstance(layer, nn.SyncBatchNorm) for layer in model.modules()):
        convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]


@contextmanager
def whole_batch(processes: int) -> Iterator[None]:
    """Within it, layers on a CPU that train with batch statistics take those of all processes' images.

    Of one process nothing changes.

    Args:
        processes: of the default process group, all of which enter, and send the same layers in the
            same order through it.
    """
    if processes == 1:
        yield
        return
    with _LeadThrough():
        yield


class _LeadThrough(TorchFunctionMode):
    # Every kind of layer, of torch, torchvision and timm alike, calls this one function.
    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is F.batch_norm:
            return _batch_norm(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _batch_norm(
    features: torch.Tensor,
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> torch.Tensor:
    """As :func:`torch.nn.functional.batch_norm`."""
    if not training:
        return F.batch_norm(features, running_mean, running_var, weight, bias, False, momentum, eps)
    # Statistics in single precision, as torch's own kernels take them, whatever autocast says.
    with torch.autocast(features.device.type, enabled=False):
        normal, mean, var, count = _Normalise.apply(features.float(), eps)
        if running_mean is not None and running_var is not None:
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            running_var.lerp_((var * count / (count - 1)).to(running_var.dtype), momentum)
        if weight is not None:
            normal = normal * _by_channel(weight, normal)
        if bias is not None:
            normal = normal + _by_channel(bias, normal)
        return normal.to(features.dtype)


class _Normalise(torch.autograd.Function):
    """(B, C, ...) -> the same, of mean 0 and variance 1 over all processes; and both, and their count."""

    @staticmethod
    def forward(ctx: Any, features: torch.Tensor, eps: float) -> tuple[torch.Tensor, ...]:
        sums = _over_channels(features)
        count = features.new_tensor([features.numel() / features.shape[1]])
        total = _summed(torch.cat([sums, count]))
        mean, count = total[:-1] / total[-1], total[-1]
        centred = features - _by_channel(mean, features)
        # From centred values: a mean of squares less the square of the mean loses digits.
        var = _summed(_over_channels(centred.square())) / count
        scale = (var + eps).rsqrt()
        normal = centred * _by_channel(scale, features)
        ctx.save_for_backward(normal, scale, count)
        ctx.mark_non_differentiable(mean, var, count)
        return normal, mean, var, count

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        gradient = gradients[0]
        normal, scale, count = ctx.saved_tensors
        # Each image moves the statistics, and so the loss of every process.
        sums = torch.cat([_over_channels(gradient), _over_channels(gradient * normal)])
        means = [_by_channel(part, gradient) for part in (_summed(sums) / count).chunk(2)]
        return (gradient - means[0] - normal * means[1]) * _by_channel(scale, gradient), None


def _over_channels(values: torch.Tensor) -> torch.Tensor:
    return values.sum(dim=[place for place in range(values.dim()) if place != 1])


def _by_channel(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return values.view(1, -1, *[1] * (like.dim() - 2))


def _summed(values: torch.Tensor) -> torch.Tensor:
    distributed.all_reduce(values)
    return values

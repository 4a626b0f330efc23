"""One training process on a CPU or a single GPU, one a GPU where there are several.

What the losses of one of several processes count for.

Batch normalisation over the whole batch, where several processes share it.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import Accelerator
from torch import distributed
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from wsdkd.ground.errors import UserError

PROCESSES_VARIABLE = "WSDKD_PROCESSES"


def process_count() -> int:
    """Training processes on this machine: ``WSDKD_PROCESSES``, or its GPUs, or one.

    Raises:
        UserError: the variable is not a whole number above zero.
    """
    text = os.environ.get(PROCESSES_VARIABLE)
    if not text:
        return max(1, torch.cuda.device_count())
    if not text.isdecimal() or int(text) == 0:
        raise UserError(f"{PROCESSES_VARIABLE}={text}: expected a whole number above zero")
    return int(text)


def in_processes(main: Callable[[], None], module: str) -> Callable[[], None]:
    """``main``, run by as many processes as there are GPUs.

    A stage's command in dvc.yaml is thus the same on every machine. Where several processes are due
    and this is not yet one of them, torchrun takes the place of this process and starts the module
    again in each.

    Args:
        main: the stage.
        module: its name for ``python -m``.
    """

    def start() -> None:
        count = process_count()
        if count == 1 or "WORLD_SIZE" in os.environ:
            main()
            return
        torchrun = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            f"--nproc-per-node={count}",
        ]
        os.execv(sys.executable, [*torchrun, "-m", module])  # noqa: S606

    return start


def shares(
    names: Iterable[str],
    images: int,
    all_images: int,
    weights: dict[str, torch.Tensor],
    accelerator: Accelerator,
) -> dict[str, torch.Tensor | float]:
    """Factors for a process's losses, with which their mean over processes is the whole batch's loss.

    A loss is an average, with a sum of weights w_p in process p of P: the number of its images where
    nothing else is said. Its factor is P w_p / sum_q w_q. Gradients, too, are averaged over processes.

    Args:
        names: of the losses.
        images: of this process in the batch.
        all_images: of all processes in the batch.
        weights: of losses that average over something else than images, the scalar w_p by name; the
            same names in every process.
        accelerator: knows the processes.
    """
    processes = accelerator.num_processes
    factors: dict[str, torch.Tensor | float] = dict.fromkeys(names, images * processes / all_images)
    if weights:
        mine = torch.stack(list(weights.values())).float()
        total = accelerator.reduce(mine, "sum").clamp_min(1e-6)
        factors |= zip(weights, mine * processes / total, strict=True)
    return factors


@contextmanager
def whole_batch(processes: int) -> Iterator[None]:
    """Within it, layers that train with batch statistics take those of all processes' images together.

    A network is then trained to the same weights by any number of processes. torch's own
    SyncBatchNorm refuses tensors on a CPU, and would have to take the place of each layer. Of one
    process nothing changes.

    Args:
        processes: of the default process group, all of which enter, and send the same layers in the
            same order through it.
    """
    if processes == 1:
        yield
        return
    with _Mode():
        yield


class _Mode(TorchFunctionMode):
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

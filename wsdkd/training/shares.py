"""What the losses of one of several processes count for."""

from collections.abc import Iterable

import torch
from accelerate import Accelerator


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

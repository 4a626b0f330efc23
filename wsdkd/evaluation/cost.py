"""What a network costs: parameters, multiply-adds, and images a second side by side with another."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

POOLING = "Wsddn.roi"
"""The teacher's module that pools regions, as the counter names it."""
WARM_UP_RUNS = 2
LEAST_RUNS = 3


def count_parameters(model: nn.Module) -> int:
    """Number of learnt values, frozen ones included."""
    return sum(parameter.numel() for parameter in model.parameters())


def count_multiply_adds(run: Callable[[], Any]) -> int:
    """Multiply-adds of convolutions and matrix products in one call of ``run``.

    Everything else (pooling of regions, normalisation, activations) is not counted, as is usual.
    """
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        run()
    # Pooling is matrix products on some devices and none on others (wsdkd.models.roi).
    modules = counter.get_flop_counts().items()
    pooling = sum(sum(counts.values()) for name, counts in modules if name.endswith(POOLING))
    # The counter takes a multiplication and an addition for two operations.
    return (int(counter.get_total_flops()) - pooling) // 2


def measure_throughput(
    runs: Mapping[str, Callable[[], Any]], images: int, seconds: float, device: torch.device
) -> dict[str, float]:
    """Images a second of several networks, measured in turns, so that a busy machine slows all alike.

    Whichever has had less time goes next, until each has had ``seconds`` and a few runs.

    Args:
        runs: for each name, a call that puts one batch through the network.
        images: images a batch.
        seconds: time given to each network, after two calls to warm up.
        device: where the networks are; a GPU is waited for.

    Returns:
        For each name the median over its calls.
    """
    spent: dict[str, list[float]] = {name: [] for name in runs}
    with torch.inference_mode():
        for run in runs.values():
            for _ in range(WARM_UP_RUNS):
                _timed(run, device)
        while waiting := [
            name for name, times in spent.items() if sum(times) < seconds or len(times) < LEAST_RUNS
        ]:
            name = min(waiting, key=lambda name: sum(spent[name]))
            spent[name].append(_timed(runs[name], device))
    return {name: images / statistics.median(times) for name, times in spent.items()}


def _timed(run: Callable[[], Any], device: torch.device) -> float:
    _wait_for(device)
    start = time.perf_counter()
    run()
    _wait_for(device)
    return time.perf_counter() - start


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)

"""Two things timed in turns, so that whatever else the machine does slows both alike."""

import time
from collections.abc import Callable
from statistics import median

import torch

from benchmarks.bench.row import Measured, Ratio

Call = Callable[[], object]


def alternate(
    ours: Call,
    other: Call,
    pairs: int,
    *,
    items: float,
    item: str,
    other_items: float | None = None,
    ratio: Ratio = "speed",
    note: str = "",
) -> Measured:
    """Time ``ours`` and ``other`` in turns; which of them goes first changes from pair to pair.

    Args:
        ours: a call works on ``items``.
        other: a call works on ``other_items``, or would if it had all cores.
        pairs: how often both are timed, after one call of each to warm up.
        items: of a call of ours.
        item: what one is called.
        other_items: of a call of the other; by default as many.
        ratio: which one.
        note: goes into the result.
    """
    other_items = items if other_items is None else other_items
    _seconds(ours)
    _seconds(other)
    spent: tuple[list[float], list[float]] = ([], [])
    for pair in range(pairs):
        for place in (0, 1) if pair % 2 == 0 else (1, 0):
            call, count = ((ours, items), (other, other_items))[place]
            spent[place].append(_seconds(call) / count)
    ratios = tuple(b / a if ratio == "speed" else a / b for a, b in zip(*spent, strict=True))
    return Measured(ratios, median(spent[0]), median(spent[1]), item, note)


def _seconds(call: Call) -> float:
    _wait()
    started = time.perf_counter()
    call()
    _wait()
    return time.perf_counter() - started


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()

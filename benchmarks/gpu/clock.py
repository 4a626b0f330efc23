"""Two things timed in turns on the card, and what else the card tells of ours meanwhile."""

import time
from collections.abc import Callable, Iterable
from functools import cached_property
from statistics import median

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu.row import Speed

Call = Callable[[], object]
WARM_UPS = 2
PRODUCTS = 20


def _nothing() -> None:
    pass


class Clock:
    """Times calls on a device.

    Args:
        device: a card, or the CPU, where neither memory nor idle time is known.
        pairs: how often two things are timed in turns.
        matrix: side of the square matrices whose product shows the device's speed.
    """

    def __init__(self, device: torch.device, pairs: int, matrix: int):
        self.device, self.pairs, self.matrix = device, pairs, matrix
        self._on_card = device.type == "cuda"

    def compare(
        self,
        ours: Call,
        other: Call,
        *,
        items: int,
        item: str,
        note: str,
        multiply_adds: float | None = None,
        lead_in: Call = _nothing,
    ) -> Speed:
        """Time ``ours`` and ``other`` in turns; which of them goes first changes from pair to pair.

        Args:
            ours: a call works on ``items``.
            other: likewise.
            items: see above.
            item: what one is called.
            note: goes into the result.
            multiply_adds: of ours, an item.
            lead_in: called before ours each time, off the clock.
        """
        for _ in range(WARM_UPS):
            ours()
            other()
        if self._on_card:
            torch.cuda.reset_peak_memory_stats(self.device)
        lead_in()
        ours()
        memory = torch.cuda.max_memory_allocated(self.device) if self._on_card else None
        spent: tuple[list[float], list[float]] = ([], [])
        for pair in range(self.pairs):
            for place in (0, 1) if pair % 2 == 0 else (1, 0):
                (lead_in if place == 0 else _nothing)()
                spent[place].append(self.seconds((ours, other)[place]) / items)
        lead_in()
        each = median(spent[0])
        return Speed(
            ratios=tuple(b / a for a, b in zip(*spent, strict=True)),
            ours_each=each,
            other_each=median(spent[1]),
            item=item,
            peak_share=None if multiply_adds is None else multiply_adds / each / self.peak,
            memory=memory,
            idle=self._idle(ours) if self._on_card else None,
            note=note,
        )

    def seconds(self, call: Call) -> float:
        """That a call takes, on the device's own clock where it has one."""
        if not self._on_card:
            started = time.perf_counter()
            call()
            return time.perf_counter() - started
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        torch.cuda.synchronize(self.device)
        start.record()
        call()
        end.record()
        torch.cuda.synchronize(self.device)
        return start.elapsed_time(end) / 1000

    @cached_property
    def peak(self) -> float:
        """Multiply-adds a second of a product of two square matrices in bf16, the median of several."""
        generator = torch.Generator().manual_seed(0)
        # Drawn, as a card uses less power on zeros, and is faster.
        left, right = (
            torch.randn(self.matrix, self.matrix, generator=generator).to(self.device, torch.bfloat16)
            for _ in range(2)
        )

        def products() -> None:
            for _ in range(PRODUCTS):
                left @ right

        products()
        found = median(self.seconds(products) for _ in range(self.pairs))
        return PRODUCTS * float(self.matrix) ** 3 / found

    def _idle(self, call: Call) -> float:
        torch.cuda.synchronize(self.device)
        with profile(activities=[ProfilerActivity.CUDA]) as seen:
            call()
            torch.cuda.synchronize(self.device)
        events = seen.events() or []
        return idle_share(
            (event.time_range.start, event.time_range.end)
            for event in events
            if event.device_type.name == "CUDA" and not event.name.startswith(("Memcpy", "Memset"))
        )


def idle_share(intervals: Iterable[tuple[float, float]]) -> float:
    """The share of the time between the first start and the last end in which no interval lies.

    Args:
        intervals: start and end of each, in any unit; they may overlap.
    """
    ordered = sorted(intervals)
    if not ordered:
        return 1.0
    busy, reached = 0.0, ordered[0][0]
    for start, end in ordered:
        busy += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    span = reached - ordered[0][0]
    return 1 - busy / span if span else 0.0

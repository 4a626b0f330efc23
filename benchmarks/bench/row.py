"""A row of the table: what is held against what, and what came out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from benchmarks.bench.world import World

Ratio = Literal["speed", "time", "size"]
"""``speed``: the other's seconds over ours. ``time``: ours over the other's. ``size``: as speed, of bytes."""


@dataclass(frozen=True)
class Measured:
    """What came out of a row.

    Attributes:
        ratios: one a pair.
        ours: median seconds (or bytes) of one item.
        other: the same of what it is held against.
        item: what an item is.
        note: sizes, and what else must be known to read the numbers.
    """

    ratios: tuple[float, ...]
    ours: float
    other: float
    item: str
    note: str = ""

    @property
    def ratio(self) -> float:
        """The median."""
        return median(self.ratios)

    def over(self, bound: float) -> "Measured":
        """The same with each ratio as a share of a bound."""
        return replace(self, ratios=tuple(ratio / bound for ratio in self.ratios))


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        name: on the command line and in ``bench.json``.
        ours: what is measured, in words.
        other: what it is held against, in words.
        measure: measures.
        ratio: which ratio the target is of.
        target: the least ratio, or the greatest of ``time``; None where the ratio is only reported.
    """

    name: str
    ours: str
    other: str
    measure: "Callable[[World], Measured]"
    ratio: Ratio = "speed"
    target: float | None = None

    def meets(self, ratio: float) -> bool | None:
        """Whether a ratio meets the target; None without one."""
        if self.target is None:
            return None
        return ratio <= self.target if self.ratio == "time" else ratio >= self.target

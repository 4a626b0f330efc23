"""A row of the table, and what came out of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.gpu.world import World


class NotHere(Exception):  # noqa: N818, it is no error
    """A row cannot be measured on this machine; the message says why."""


@dataclass(frozen=True)
class Speed:
    """What came out of a row that compares two speeds.

    Attributes:
        ratios: the other's seconds over ours, one a pair.
        ours_each: median seconds of an item.
        other_each: the same of what it is held against.
        item: what an item is.
        peak_share: of the matrix product's speed, that ours reaches by its multiply-adds; None where they
            were not counted.
        memory: bytes on the card at ours' peak; None without a card.
        idle: share of a call of ours in which the card computes nothing; None without a card.
        note: sizes, and what else must be known to read the numbers.
    """

    ratios: tuple[float, ...]
    ours_each: float
    other_each: float
    item: str
    peak_share: float | None
    memory: int | None
    idle: float | None
    note: str

    @property
    def ratio(self) -> float:
        """The median."""
        return median(self.ratios)


@dataclass(frozen=True)
class Check:
    """What came out of a row that holds numbers against numbers.

    Attributes:
        right: whether they agree.
        figures: by name.
        note: how far they may differ, and why.
    """

    right: bool
    figures: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Row:
    """A comparison.

    Attributes:
        name: on the command line and in the results.
        ours: what is measured, in words.
        other: what it is held against, in words.
        measure: measures.
        seconds: that it takes on a data-centre GPU; it is not begun with less.
        target: the least ratio; None where it is only reported.
    """

    name: str
    ours: str
    other: str
    measure: "Callable[[World], Speed | Check]"
    seconds: float
    target: float | None = None

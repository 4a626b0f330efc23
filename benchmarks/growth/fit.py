"""How straight a line is: time = a + b n."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Line:
    """A line through points (n, t).

    Attributes:
        start: a, what is taken without any item.
        each: b, what an item takes.
        residual: the largest difference of a + b n from t, as a share of t.
        steps: what an item more takes between each size and the next, over the same between the two
            largest sizes; all 1 on a straight line, whatever its start.
    """

    start: float
    each: float
    residual: float
    steps: tuple[float, ...]


def fit(counts: Sequence[int], values: Sequence[float]) -> Line:
    """The line with the least squares of relative differences, so that small sizes count as large ones do.

    Args:
        counts: n, ascending, at least two.
        values: t, above zero.
    """
    n, t = np.asarray(counts, dtype=np.float64), np.asarray(values, dtype=np.float64)
    start, each = np.linalg.lstsq(np.stack([1 / t, n / t], axis=1), np.ones(len(t)), rcond=None)[0]
    marginal = np.diff(t) / np.diff(n)
    return Line(
        float(start),
        float(each),
        float(np.abs((start + each * n - t) / t).max()),
        tuple((marginal / marginal[-1]).tolist()),
    )


def slope(counts: Sequence[int], values: Sequence[float]) -> float:
    """What an item adds, by least squares of plain differences: for memory, most of which is start."""
    n, t = np.asarray(counts, dtype=np.float64), np.asarray(values, dtype=np.float64)
    return float(np.polyfit(n, t, 1)[0])

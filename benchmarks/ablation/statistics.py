"""Means over seeds with what can be said of them, and a paired test against the baseline."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Summary:
    """Of one figure over n seeds.

    Attributes:
        mean: over seeds.
        deviation: standard deviation of a seed's figure, with n - 1; NaN for one seed.
        half_width: of the 95 % confidence interval of the mean, by Student's t; NaN for one seed.
    """

    mean: float
    deviation: float
    half_width: float

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end."""
        return self.mean - self.half_width, self.mean + self.half_width


def summarise(values: Sequence[float]) -> Summary:
    """Summary of one figure, a value a seed."""
    array = np.asarray(values, dtype=np.float64)
    count = len(array)
    if count < 2:
        return Summary(float(array.mean()), float("nan"), float("nan"))
    deviation = float(array.std(ddof=1))
    half_width = float(stats.t.ppf((1 + LEVEL) / 2, count - 1)) * deviation / count**0.5
    return Summary(float(array.mean()), deviation, half_width)


def paired_p(values: Sequence[float], baseline: Sequence[float]) -> float:
    """Two-sided p-value of the paired t-test over seeds; NaN where it is not defined.

    Args:
        values: of a variant, a value a seed.
        baseline: of the same seeds.
    """
    differences = np.asarray(values, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    if len(differences) < 2 or differences.std() == 0:
        return float("nan")
    return float(stats.ttest_1samp(differences, 0.0).pvalue)

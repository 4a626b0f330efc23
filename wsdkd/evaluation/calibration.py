"""Calibration: probabilities that come true as often as they say, and how far a network's are from that.

A network that is trained long, or against softened targets at a high temperature, gives logits that are too
large: of its labels at 0.9, fewer than nine in ten are right (Guo et al., On Calibration of Modern Neural
Networks, ICML 2017).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from wsdkd.student.validation import ValidationCounts

ECE_BINS = 15
"""Of equal width, as Guo et al. have it."""
HIGHEST = 54.5981
"""Temperature, and one over the lowest: where all validation labels are told apart there is no best one."""
HALVINGS = 60
"""Of the logarithms between them, after which both ends are the same number."""
SLOPE = 1e-4
"""Of an isotonic curve over its whole range, so that it is flat nowhere and reaches neither 0 nor 1."""


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits, float64, of any shape."""
    with np.errstate(over="ignore"):  # of a logit below -709, whose probability is 0
        probabilities: np.ndarray = 1 / (1 + np.exp(-logits))
    return probabilities


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """Logits of probabilities, float64, of any shape: the inverse of :func:`sigmoid`."""
    off = 2 * probabilities - 1
    with np.errstate(divide="ignore"):  # of 0 and 1, whose logits are infinite
        plain = np.log(probabilities / (1 - probabilities))
        # Near a half, the quotient would lose digits that the difference to a half still has.
        near: np.ndarray = np.log1p(off) - np.log1p(-off)
    return np.where((probabilities < 0.3) | (probabilities > 0.65), plain, near)


class Calibration(Protocol):
    """Makes logits into those of calibrated probabilities; greater ones of a class stay greater."""

    def logits(self, logits: np.ndarray) -> np.ndarray:
        """Logits (N, K), or (K,) of one image, of the network -> float64, of the calibrated probabilities."""
        ...


@dataclass(frozen=True)
class Temperature:
    """Divides all logits by one number; 1 leaves them as they are."""

    temperature: float

    def logits(self, logits: np.ndarray) -> np.ndarray:
        """See :class:`Calibration`."""
        scaled: np.ndarray = logits.astype(np.float64) / self.temperature
        return scaled


@dataclass(frozen=True)
class Isotonic:
    """A curve a class that never falls, straight between its points.

    Attributes:
        at: ascending logits (M,) of the points.
        probabilities: (K, M), ascending along each row, within 0 and 1.
    """

    at: np.ndarray
    probabilities: np.ndarray

    def logits(self, logits: np.ndarray) -> np.ndarray:
        """See :class:`Calibration`."""
        columns = np.moveaxis(logits, -1, 0)
        curves = [
            np.interp(each, self.at, curve) for each, curve in zip(columns, self.probabilities, strict=True)
        ]
        return log_odds(np.stack(curves, axis=-1))


def fit_temperature(counts: ValidationCounts) -> Temperature:
    """The temperature at which the validation labels are likeliest, all classes together.

    Their loss is convex in 1 / t: the best t is where its slope changes sign, or an end of the range.
    """
    present, absent = counts.present.sum(axis=0), counts.absent.sum(axis=0)
    low, high = -np.log(HIGHEST), np.log(HIGHEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        said = sigmoid(counts.logits * np.exp(-middle))
        # Of the loss over 1 / t: above zero, 1 / t is too large.
        slope = counts.logits @ (absent * said - present * (1 - said))
        low, high = (middle, high) if slope > 0 else (low, middle)
    return Temperature(round(float(np.exp(high)), 4))


def fit_isotonic(counts: ValidationCounts, prior: float) -> Isotonic:
    """For each class the rising curve that is nearest to its shares of present labels.

    Args:
        counts: of the validation labels.
        prior: see :func:`smoothed`.
    """
    # SciPy takes half a second to load, which who labels a picture need not wait for.
    from scipy.optimize import isotonic_regression

    present, absent = smoothed(counts, prior)
    size = len(counts.logits)
    rise = np.arange(1, size + 1) / (size + 1)
    curves = []
    for there, not_there in zip(present, absent, strict=True):
        total = there + not_there
        used = total > 0
        curve = np.zeros(size)
        if used.any():
            fitted = isotonic_regression(there[used] / total[used], weights=total[used]).x
            curve = np.interp(counts.logits, counts.logits[used], fitted)
        curves.append((1 - SLOPE) * curve + SLOPE * rise)
    return Isotonic(counts.logits, np.stack(curves))


def smoothed(counts: ValidationCounts, prior: float) -> tuple[np.ndarray, np.ndarray]:
    """Counts of present and absent labels, float64 (K, M) each, with those of the average class added.

    A class with few positives has a threshold or a curve by luck. So each class counts, beside its own
    labels, ``prior`` positives of the average class with as many absent labels as that has for them.
    """
    positives = counts.present.sum()
    added = [prior * each.sum(axis=0) / positives for each in (counts.present, counts.absent)]
    return counts.present + added[0], counts.absent + added[1]


def negative_log_likelihood(logits: np.ndarray, labels: np.ndarray, known: np.ndarray) -> float:
    """Mean over images of the sum over classes: in the unit of the label loss L_p (Eq. 5).

    Args:
        logits: (N, K).
        labels: (N, K), 1 where a class is present.
        known: bool (N, K), False where the label is ignored.
    """
    logits = logits.astype(np.float64)
    losses = np.logaddexp(0, np.where(labels > 0, -logits, logits))
    return float((losses * known).sum() / len(logits))


def calibration_error(logits: np.ndarray, labels: np.ndarray, known: np.ndarray) -> float:
    """Expected calibration error in percent: how far a label's probability is from the share that come true.

    Labels of all classes fall into bins of equal width by their probability. Of each bin, the difference
    between the mean probability and the share of present labels counts by how many labels it has.

    Args:
        logits: (N, K).
        labels: (N, K), 1 where a class is present.
        known: bool (N, K), False where the label is ignored.
    """
    probabilities, present = sigmoid(logits[known].astype(np.float64)), labels[known] > 0
    bins = np.minimum((probabilities * ECE_BINS).astype(int), ECE_BINS - 1)
    off = np.bincount(bins, probabilities, ECE_BINS) - np.bincount(bins, present, ECE_BINS)
    return float(100 * np.abs(off).sum() / len(probabilities))

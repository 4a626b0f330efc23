"""Calibration: probabilities that come true as often as they say, and how far a network's are from that.

A network that is trained long, or against softened targets at a high temperature, gives logits that are too
large: of its labels at 0.9, fewer than nine in ten are right (Guo et al., On Calibration of Modern Neural
Networks, ICML 2017).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.optimize import isotonic_regression, minimize_scalar
from scipy.special import expit, logit

from wsdkd.student.validation import ValidationCounts

ECE_BINS = 15
"""Of equal width, as Guo et al. have it."""
LARGEST_LOG = 4.0
"""Of a temperature: where all validation labels are told apart there is no best one."""
SLOPE = 1e-4
"""Of an isotonic curve over its whole range, so that it is flat nowhere and reaches neither 0 nor 1."""


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
        calibrated: np.ndarray = logit(np.stack(curves, axis=-1))
        return calibrated


def fit_temperature(counts: ValidationCounts) -> Temperature:
    """The temperature at which the validation labels are likeliest, all classes together."""
    present, absent = counts.present.sum(axis=0), counts.absent.sum(axis=0)

    def loss(log_temperature: float) -> float:
        scaled = counts.logits * np.exp(-log_temperature)
        return float(present @ np.logaddexp(0, -scaled) + absent @ np.logaddexp(0, scaled))

    found = minimize_scalar(
        loss, bounds=(-LARGEST_LOG, LARGEST_LOG), method="bounded", options={"xatol": 1e-8}
    )
    return Temperature(round(float(np.exp(found.x)), 4))


def fit_isotonic(counts: ValidationCounts, prior: float) -> Isotonic:
    """For each class the rising curve that is nearest to its shares of present labels.

    Args:
        counts: of the validation labels.
        prior: see :func:`smoothed`.
    """
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
    probabilities, present = expit(logits[known].astype(np.float64)), labels[known] > 0
    bins = np.minimum((probabilities * ECE_BINS).astype(int), ECE_BINS - 1)
    off = np.bincount(bins, probabilities, ECE_BINS) - np.bincount(bins, present, ECE_BINS)
    return float(100 * np.abs(off).sum() / len(probabilities))

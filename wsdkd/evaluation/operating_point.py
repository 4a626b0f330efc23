"""The operating point of a student: calibrated probabilities, and above which a label of each class is given.

It follows from the counts that the student keeps of its validation images and from section
``evaluation.operating_point``. Other images, the test split's among them, have no part in it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from wsdkd.evaluation.calibration import (
    Calibration,
    Temperature,
    fit_isotonic,
    fit_temperature,
    log_odds,
    sigmoid,
    smoothed,
)
from wsdkd.evaluation.params import EvaluationParams, OperatingPointParams
from wsdkd.student.validation import ValidationCounts


@dataclass(frozen=True)
class OperatingPoint:
    """How labels are given.

    Attributes:
        calibration: from logits to those of probabilities.
        logit_thresholds: float64 (K,); a label is given when its logit is above its class's.
        origin: of the thresholds, in words.
        chosen: whether validation images chose them.
    """

    calibration: Calibration
    logit_thresholds: np.ndarray
    origin: str
    chosen: bool

    @property
    def thresholds(self) -> np.ndarray:
        """Of the calibrated probabilities, float64 (K,)."""
        return sigmoid(self.calibration.logits(self.logit_thresholds))

    @property
    def score_thresholds(self) -> np.ndarray:
        """Of the scores as the network gives them, the sigmoid of its logits: float64 (K,)."""
        return sigmoid(self.logit_thresholds)

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Logits (N, K), or (K,) of one image -> calibrated probabilities, float64."""
        return sigmoid(self.calibration.logits(logits))

    def given(self, logits: np.ndarray) -> np.ndarray:
        """Logits (N, K), or (K,) of one image -> which labels are given, bool."""
        above: np.ndarray = logits > self.logit_thresholds
        return above

    def protocol(self) -> dict[str, Any]:
        """What a report says of it."""
        found: dict[str, Any] = {"thresholds": self.origin}
        if isinstance(self.calibration, Temperature):
            found["temperature"] = self.calibration.temperature
        return found


def operating_point(
    counts: ValidationCounts | None, classes: int, params: EvaluationParams
) -> OperatingPoint:
    """The operating point of a student.

    Args:
        counts: of its validation images; None where it keeps none.
        classes: K.
        params: which operating point is wanted. Where none is, or there are no counts, scores stay as they
            are and ``threshold`` is that of every class.
    """
    wanted = params.operating_point
    if wanted is None or counts is None:
        reason = "none is wanted" if wanted is None else "no validation image tells more"
        origin = f"{params.threshold:g} for every class, as {reason}"
        same = np.full(classes, log_odds(np.array(params.threshold)))
        return OperatingPoint(Temperature(1.0), same, origin, chosen=False)
    calibration: Calibration = Temperature(1.0)
    if wanted.calibration == "temperature":
        calibration = fit_temperature(counts)
    elif wanted.calibration == "isotonic":
        calibration = fit_isotonic(counts, wanted.prior)
    aim = "for F1" if wanted.wanted is None else f"for {wanted.aim} {wanted.wanted:g}"
    origin = f"chosen {aim} on {counts.images} validation images"
    return OperatingPoint(calibration, _logit_thresholds(counts, wanted), origin, chosen=True)


def _logit_thresholds(counts: ValidationCounts, params: OperatingPointParams) -> np.ndarray:
    """The logit (K,) above which a label of each class is given."""
    present, absent = smoothed(counts, params.prior)
    # At each edge, the labels of all bins above it.
    right, wrong = (np.cumsum(each[:, ::-1], axis=1)[:, ::-1][:, 1:] for each in (present, absent))
    positives = present.sum(axis=1, keepdims=True)
    given = right + wrong
    nothing = np.zeros_like(given)
    if params.aim == "F1":
        places = (2 * right / np.maximum(given + positives, 1e-12)).argmax(axis=1)
    elif params.aim == "precision":
        precision = np.divide(right, given, out=nothing, where=given > 0)
        # The lowest that serves, for the sake of recall; or else the nearest to it.
        enough = precision >= params.wanted
        places = np.where(enough.any(axis=1), enough.argmax(axis=1), precision.argmax(axis=1))
    else:
        recall = np.divide(right, positives, out=nothing, where=positives > 0)
        enough = recall >= params.wanted
        last = enough.shape[1] - 1 - enough[:, ::-1].argmax(axis=1)
        places = np.where(enough.any(axis=1), last, 0)
    thresholds: np.ndarray = counts.edges[places]
    return thresholds

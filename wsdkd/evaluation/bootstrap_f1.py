"""How far a gain in CF1 or OF1 could be the luck of the images it was measured on."""

from typing import Literal

import numpy as np

from wsdkd.evaluation.bootstrap import DRAWS, LEVEL, interval
from wsdkd.evaluation.ranking import check_scores


def f1_gain_interval(
    first: np.ndarray,
    second: np.ndarray,
    labels: np.ndarray,
    known: np.ndarray,
    *,
    name: Literal["CF1", "OF1"],
    threshold: float,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of F1(second) - F1(first), as :func:`wsdkd.evaluation.bootstrap.gain_interval`.

    Args:
        first: scores (N, K).
        second: scores (N, K).
        labels: (N, K), 1 where a class is present.
        known: bool (N, K), False where the label is ignored.
        name: which F1, as :func:`wsdkd.evaluation.thresholded.precision_recall_f1` computes it.
        threshold: a label is predicted when its score is above this.
        draws: resampled sets of images.
        level: probability inside the interval.
        seed: of the draws.

    Returns:
        Lower and upper end, in percentage points.

    Raises:
        ValueError: as :func:`wsdkd.evaluation.ranking.check_scores`, or no class has a positive.
    """
    check_scores(first, labels, known)
    check_scores(second, labels, known)
    present = (labels > 0) & known
    if not present.any():
        raise ValueError("no class has a positive, so there is no gain")
    f1 = _overall if name == "OF1" else _of_classes
    predictions = [(scores > threshold) & known for scores in (first, second)]

    def gain(counts: np.ndarray) -> np.ndarray:
        real = counts.T @ present
        before, after = (
            f1(counts.T @ (predicted & present), counts.T @ predicted, real) for predicted in predictions
        )
        return 100 * (after - before)

    return interval(gain, len(labels), draws=draws, level=level, seed=seed)


def _overall(correct: np.ndarray, guessed: np.ndarray, real: np.ndarray) -> np.ndarray:
    """OF1 of each draw, (D,), from counts of labels, (D, K); NaN where a draw has no positive."""
    # The harmonic mean of correct / guessed and correct / real.
    pooled = real.sum(axis=1)
    return _ratio(2 * correct.sum(axis=1), guessed.sum(axis=1) + pooled, where=pooled > 0)


def _of_classes(correct: np.ndarray, guessed: np.ndarray, real: np.ndarray) -> np.ndarray:
    """CF1 of each draw, (D,), from counts of labels, (D, K); classes without a positive are left out."""
    scored = real > 0
    classes = scored.sum(axis=1)
    precision = _ratio((scored * correct / np.maximum(guessed, 1)).sum(axis=1), classes, where=classes > 0)
    recall = _ratio((scored * correct / np.maximum(real, 1)).sum(axis=1), classes, where=classes > 0)
    return 2 * precision * recall / np.where(precision + recall > 0, precision + recall, 1)


def _ratio(numerator: np.ndarray, denominator: np.ndarray, where: np.ndarray) -> np.ndarray:
    result = np.full(len(numerator), np.nan)
    return np.divide(numerator, denominator, out=result, where=where)

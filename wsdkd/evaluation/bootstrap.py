"""How far a gain could be the luck of the images it was measured on: a paired bootstrap over them.

Both networks are scored on the same resampled images. The interval tells of the choice of images alone, not
of the choice of training seed.
"""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from wsdkd.average_precision import check_scores
from wsdkd.evaluation.ranking import tied_order
from wsdkd.ground.progress import track

DRAWS = 1000
LEVEL = 0.95

Gain = Callable[[np.ndarray], np.ndarray]
"""From how often each image is in each draw, float32 (N, draws), to the gain in each draw, (draws,); NaN
in a draw that says nothing about it."""

_CHUNK_CELLS = 1_000_000  # draws x images at once: a few float64 arrays of 8 MB


def gain_interval(
    baseline: np.ndarray,
    student: np.ndarray,
    labels: np.ndarray,
    known: np.ndarray,
    *,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of mAP(student) - mAP(baseline) under resampling of the test images.

    A class that has no positive in a draw is left out of that draw's mean.

    Args:
        baseline: scores (N, K).
        student: scores (N, K).
        labels: (N, K), 1 where a class is present.
        known: bool (N, K), False where the label is ignored.
        draws: resampled test sets.
        level: probability inside the interval.
        seed: of the draws.

    Returns:
        Lower and upper end, in percentage points of mAP.

    Raises:
        ValueError: as :func:`wsdkd.average_precision.check_scores`, or no class has a positive.
    """
    check_scores(baseline, labels, known)
    check_scores(student, labels, known)
    if not ((labels > 0) & known).any():
        raise ValueError("no class has a positive, so there is no gain")

    def gain(counts: np.ndarray) -> np.ndarray:
        return _mean_of_classes(
            _weighted_ap(student, labels, known, counts) - _weighted_ap(baseline, labels, known, counts)
        )

    return interval(gain, len(labels), draws=draws, level=level, seed=seed)


def gain_and_mean_intervals(
    scores: Mapping[str, np.ndarray], labels: np.ndarray, known: np.ndarray
) -> tuple[tuple[float, float], dict[str, tuple[float, float]]]:
    """:func:`gain_interval` of the student over the baseline, and the interval of each network's mAP.

    All are of the same draws, for which each network is scored once.

    Args:
        scores: (N, K) of each network; ``baseline`` and ``student`` among them.
        labels: (N, K), 1 where a class is present.
        known: bool (N, K), False where the label is ignored.

    Returns:
        Both ends of the gain's interval, and of each network's, in percentage points.

    Raises:
        ValueError: as :func:`gain_interval`.
    """
    for each in scores.values():
        check_scores(each, labels, known)
    if not ((labels > 0) & known).any():
        raise ValueError("no class has a positive, so there is no gain")

    def gain_and_means(counts: np.ndarray) -> np.ndarray:
        found = {name: _weighted_ap(each, labels, known, counts) for name, each in scores.items()}
        gain = found["student"] - found["baseline"]
        return np.stack([_mean_of_classes(each) for each in (gain, *found.values())], axis=1)

    drawn = _drawn(gain_and_means, len(labels), DRAWS, seed=0)
    gain, *means = (_percentiles(column, LEVEL) for column in drawn.T)
    return gain, dict(zip(scores, means, strict=True))


def _mean_of_classes(values: np.ndarray) -> np.ndarray:
    # (draws, K) -> (draws,), over the classes that have a value.
    classes = (~np.isnan(values)).sum(axis=1)
    mean = np.full(len(values), np.nan)
    # Only in tiny test sets: a draw without one positive says nothing.
    return np.divide(np.nansum(values, axis=1), classes, out=mean, where=classes > 0)


def f1_gain_interval(
    first: np.ndarray,
    second: np.ndarray,
    labels: np.ndarray,
    known: np.ndarray,
    *,
    name: Literal["CF1", "OF1"],
    thresholds: tuple[float | np.ndarray, float | np.ndarray],
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of F1(second) - F1(first), as :func:`gain_interval`.

    Args:
        first: scores (N, K).
        second: scores (N, K).
        labels: (N, K), 1 where a class is present.
        known: bool (N, K), False where the label is ignored.
        name: which F1, as :func:`wsdkd.evaluation.thresholded.precision_recall_f1` computes it.
        thresholds: of the first and the second, one for all classes or one each (K,); a label is predicted
            when its score is above.
        draws: resampled sets of images.
        level: probability inside the interval.
        seed: of the draws.

    Returns:
        Lower and upper end, in percentage points.

    Raises:
        ValueError: as :func:`wsdkd.average_precision.check_scores`, or no class has a positive.
    """
    check_scores(first, labels, known)
    check_scores(second, labels, known)
    present = (labels > 0) & known
    if not present.any():
        raise ValueError("no class has a positive, so there is no gain")
    f1 = _overall if name == "OF1" else _of_classes
    predictions = [
        (scores > threshold) & known for scores, threshold in zip((first, second), thresholds, strict=True)
    ]

    def gain(counts: np.ndarray) -> np.ndarray:
        real = counts.T @ present
        before, after = (
            f1(counts.T @ (predicted & present), counts.T @ predicted, real) for predicted in predictions
        )
        return 100 * (after - before)

    return interval(gain, len(labels), draws=draws, level=level, seed=seed)


def interval(
    gain: Gain, images: int, *, draws: int = DRAWS, level: float = LEVEL, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of a gain under resampling of ``images`` images; draws of NaN are left out."""
    return _percentiles(_drawn(gain, images, draws, seed), level)


def _drawn(statistic: Gain, images: int, draws: int, seed: int) -> np.ndarray:
    """What ``statistic`` gives in each draw, (draws,) or with more axes behind."""
    generator = np.random.default_rng(seed)
    chunk = max(1, _CHUNK_CELLS // images)
    starts = range(0, draws, chunk)
    bar = track(starts, "bootstrap of the gain", total=len(starts), unit="chunk")
    return np.concatenate(
        [statistic(_draw_counts(generator, min(chunk, draws - start), images)) for start in bar]
    )


def _percentiles(drawn: np.ndarray, level: float) -> tuple[float, float]:
    low, high = np.quantile(drawn[~np.isnan(drawn)], [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _draw_counts(generator: np.random.Generator, draws: int, images: int) -> np.ndarray:
    """How often each image is in each draw, float32 (images, draws)."""
    chosen = generator.integers(0, images, size=(draws, images))
    chosen += images * np.arange(draws)[:, None]
    counts = np.bincount(chosen.ravel(), minlength=draws * images)
    return np.ascontiguousarray(counts.reshape(draws, images).T, dtype=np.float32)


def _weighted_ap(scores: np.ndarray, labels: np.ndarray, known: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """AP in percent of each class in each draw, (draws, K), where image i stands counts[i] times."""
    result = np.full((counts.shape[1], scores.shape[1]), np.nan)
    for k in range(scores.shape[1]):
        images = np.flatnonzero(known[:, k])
        positive = labels[images, k] > 0
        if not positive.any():
            continue
        order, ends = tied_order(scores[images, k])
        # Precision matters only where recall rises: at the runs of ties that hold a positive.
        rises = np.diff(np.cumsum(positive[order])[ends], prepend=0) > 0
        starts = np.append(0, ends[rises][:-1] + 1)
        last = ends[rises][-1] + 1
        ranked = counts[images[order[:last]]]
        seen = np.cumsum(np.add.reduceat(ranked, starts, axis=0), axis=0)
        gained = np.add.reduceat(ranked * positive[order[:last], None], starts, axis=0)
        hits = np.cumsum(gained, axis=0)
        area = (gained * hits / np.maximum(seen, 1)).sum(axis=0, dtype=np.float64)
        np.divide(100 * area, hits[-1], out=result[:, k], where=hits[-1] > 0)
    return result


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

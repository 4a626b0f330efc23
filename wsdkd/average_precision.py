"""Average precision of labels: how well each class ranks the images, without any threshold."""

import numpy as np


def check_scores(scores: np.ndarray, labels: np.ndarray, known: np.ndarray) -> None:
    """Refuse scores that no metric is defined for.

    Args:
        scores: (N, K).
        labels: (N, K), 1 where a class is present.
        known: bool (N, K), False where a label is neither present nor absent.

    Raises:
        ValueError: the shapes differ, or a score is NaN or infinite.
    """
    if not scores.shape == labels.shape == known.shape or scores.ndim != 2:
        shapes = f"{scores.shape}, {labels.shape} and {known.shape}"
        raise ValueError(f"scores, labels and known have shapes {shapes}, expected one (N, K)")
    if not np.isfinite(scores).all():
        raise ValueError("a score is NaN or infinite, so there is no ranking")


def average_precisions(scores: np.ndarray, labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Non-interpolated AP of each class: the sum over distinct scores of (R_n - R_{n-1}) P_n.

    Images of equal score enter together, so that their order in the file cannot matter. An image
    takes no part in the classes whose label it does not know.

    Args:
        scores: (N, K), higher is more likely present.
        labels: (N, K), 1 where a class is present.
        known: bool (N, K), False where the label is ignored.

    Returns:
        float64 (K,), percent; NaN for a class that no image is known to have.

    Raises:
        ValueError: as :func:`check_scores`.
    """
    check_scores(scores, labels, known)
    # A class is a column: a row of its own is read several times faster.
    by_class = np.ascontiguousarray(scores.T)
    present = np.ascontiguousarray(((labels > 0) & known).T)
    counting = np.ascontiguousarray(known.T)
    return np.array([_precision(*each) for each in zip(by_class, present, counting, strict=True)])


def _precision(scores: np.ndarray, present: np.ndarray, known: np.ndarray) -> float:
    # Recall rises at the scores of positives alone, so that the others need be sorted, which processors do
    # many values at a time, but not ranked.
    thresholds, gained = np.unique(scores[present], return_counts=True)
    if not len(thresholds):
        return np.nan
    ranked = np.sort(scores if known.all() else scores[known])
    seen = len(ranked) - np.searchsorted(ranked, thresholds)
    hits = np.cumsum(gained[::-1])[::-1]
    return float(100 * np.sum((gained * hits / seen)[::-1]) / hits[0])


def mean_average_precision(scores: np.ndarray, labels: np.ndarray, known: np.ndarray) -> float:
    """mAP, in percent: the mean of :func:`average_precisions` over the classes with a positive.

    Args:
        scores: (N, K), higher is more likely present.
        labels: (N, K), 1 where a class is present.
        known: bool (N, K), False where the label is ignored.

    Raises:
        ValueError: as :func:`check_scores`, or no class has a positive.
    """
    return mean_over_classes(average_precisions(scores, labels, known))


def mean_over_classes(values: np.ndarray) -> float:
    """Mean of the classes that have a value (K,): those without positives, NaN, are left out.

    Who reports it names the classes left out.

    Raises:
        ValueError: no class has a value.
    """
    if np.isnan(values).all():
        raise ValueError("no class has a positive, so there is no mean over classes")
    return float(np.nanmean(values))


def without_positives(labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Places of the classes that no image is known to have, for (N, K) labels and masks: int64 (C,)."""
    return np.flatnonzero(~((labels > 0) & known).any(axis=0))

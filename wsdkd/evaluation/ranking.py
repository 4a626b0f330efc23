"""Average precision of labels: how well each class ranks the images, without any threshold.

Precision against recall, averaged over classes, is the picture behind mAP.
"""

import numpy as np

RECALLS = np.linspace(0, 1, 101)
"""At which curves of precision are read."""


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


def cumulative_hits(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positives among, and number of, the best-scored items down to each distinct score.

    Args:
        scores: (N,).
        labels: (N,), 1 for a positive.

    Returns:
        ``hits`` and ``seen``, float64 (T,) where T is the number of distinct scores: precision is
        hits / seen, and recall hits / hits[-1].
    """
    order, ends = tied_order(scores)
    return np.cumsum(labels[order], dtype=np.float64)[ends], ends + 1.0


def tied_order(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order of ``scores`` (N,), best first, and the places in it where each run of ties ends, (T,)."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if len(scores) else order
    return order, ends


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


def mean_precision_at_recall(scores: np.ndarray, labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Mean over classes of the best precision at a recall of at least each of :data:`RECALLS`.

    Interpolated, so that curves of different classes can be averaged: for pictures alone, the
    reported mAP is not interpolated.

    Args:
        scores: (N, K).
        labels: (N, K), 1 where a class is present.
        known: bool (N, K), False where the label is ignored.

    Returns:
        (101,), fractions. Classes without positives are left out.

    Raises:
        ValueError: as :func:`check_scores`, or no class has a positive.
    """
    check_scores(scores, labels, known)
    curves = []
    for k in range(scores.shape[1]):
        hits, seen = cumulative_hits(scores[known[:, k], k], labels[known[:, k], k])
        if len(hits) and hits[-1] > 0:
            curves.append(precision_at_recall(hits / hits[-1], hits / seen, RECALLS))
    if not curves:
        raise ValueError("no class has a positive, so there is no precision-recall curve")
    result: np.ndarray = np.mean(curves, axis=0)
    return result


def precision_at_recall(recall: np.ndarray, precision: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The best precision at a recall of at least each of ``wanted`` (W,); 0 where it is never reached.

    Args:
        recall: (T,), ascending.
        precision: (T,).
        wanted: (W,).
    """
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return envelope[np.searchsorted(recall, wanted - 1e-12)]

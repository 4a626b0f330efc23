"""Precision against recall, averaged over classes: the picture behind mAP."""

import numpy as np

from wsdkd.average_precision import check_scores

RECALLS = np.linspace(0, 1, 101)
"""At which curves of precision are read."""


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

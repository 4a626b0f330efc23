"""Precision against recall, averaged over classes: the picture behind mAP."""

import numpy as np

from wsdkd.evaluation.ranking import check_scores, cumulative_hits

RECALLS = np.linspace(0, 1, 101)


def mean_precision_at_recall(scores: np.ndarray, labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Mean over classes of the best precision at a recall of at least 0, 0.01, ..., 1.

    Interpolated, so that curves of different classes can be averaged: for pictures alone, the
    reported mAP is not interpolated.

    Args:
        scores: (N, K).
        labels: (N, K), 1 where a class is present.
        known: bool (N, K), False where the label is ignored.

    Returns:
        (101,), fractions. Classes without positives are left out.

    Raises:
        ValueError: as :func:`wsdkd.evaluation.ranking.check_scores`, or no class has a positive.
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

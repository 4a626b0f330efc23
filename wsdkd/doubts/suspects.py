"""Which labels cleanlab doubts, given scores of a network that did not learn from them.

Confident learning (Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset
Labels", JAIR 2021), class by class: how many labels of a class are wrong follows from how often the network
is as sure of the opposite as it usually is of the class.
"""

import warnings

import numpy as np
from cleanlab.multilabel_classification.filter import find_multilabel_issues_per_class


def suspects(labels: np.ndarray, known: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The labels that cleanlab takes for wrong, bool (N, K).

    Args:
        labels: (N, K), 1 where a class is present.
        known: bool (N, K), False where a class is neither present nor absent: nothing is there to doubt.
        scores: float (N, K), probabilities by a network that did not learn from these images.
    """
    found = np.zeros(labels.shape, dtype=bool)
    for place in range(labels.shape[1]):
        # A class at a time, as each has other images of which it is known.
        rows = np.flatnonzero(known[:, place])
        given = [[0] if present else [] for present in labels[rows, place] > 0]
        if any(given) and not all(given):  # else there is nothing to compare with
            column = scores[rows, place : place + 1].astype(np.float64)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "May not flag all label issues")  # of a rare class
                found[rows, place] = find_multilabel_issues_per_class(given, column, n_jobs=1)[:, 0]
    return found

"""Precision at each recall, by hand."""

import numpy as np

from wsdkd.evaluation.ranking import RECALLS, mean_precision_at_recall


def test_mean_precision_curve_by_hand():
    # Class 0: precision 1 up to recall 1/2, then 2/3; class 1: perfect; class 2: no positive.
    scores = np.array([[0.9, 0.9, 0.1], [0.8, 0.1, 0.2], [0.7, 0.2, 0.3]])
    labels = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 0]])
    curve = mean_precision_at_recall(scores, labels, labels >= 0)
    np.testing.assert_allclose(curve, np.where(RECALLS <= 0.5, 1, (2 / 3 + 1) / 2))

"""Average precision against scikit-learn and torchmetrics, and by hand."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score
from torchmetrics.functional.classification import multilabel_average_precision

from wsdkd.average_precision import (
    average_precisions,
    mean_average_precision,
    mean_over_classes,
    without_positives,
)


def random_case(seed: int, images: int = 300, classes: int = 7, levels: int | None = None):
    generator = np.random.default_rng(seed)
    scores = generator.random((images, classes)).astype(np.float32)
    if levels:
        scores = np.round(scores * levels).astype(np.float32) / levels
    labels = (generator.random((images, classes)) < 0.15).astype(np.float32)
    known = generator.random((images, classes)) < 0.9
    return scores, labels, known


@pytest.mark.parametrize("levels", [None, 20, 3, 1])
@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_scikit_learn_under_ties_and_masks(seed, levels):
    scores, labels, known = random_case(seed, levels=levels)
    expected = [
        100 * average_precision_score(labels[known[:, k], k], scores[known[:, k], k])
        for k in range(scores.shape[1])
    ]
    np.testing.assert_allclose(average_precisions(scores, labels, known), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("levels", [None, 20])
def test_agrees_with_torchmetrics(levels):
    scores, labels, known = random_case(11, levels=levels)
    marked = np.where(known, labels, -1).astype(np.int64)
    expected = multilabel_average_precision(
        torch.from_numpy(scores.astype(np.float64)),
        torch.from_numpy(marked),
        num_labels=scores.shape[1],
        average=None,
        ignore_index=-1,
    )
    actual = average_precisions(scores, labels, known)
    np.testing.assert_allclose(actual / 100, expected.numpy(), rtol=0, atol=1e-6)  # float32 there


def test_by_hand():
    # Ranks 1 and 3 of four are positive: (1/1 + 2/3) / 2.
    scores = np.array([[0.9], [0.8], [0.7], [0.1]])
    labels = np.array([[1], [0], [1], [0]])
    assert average_precisions(scores, labels, labels >= 0)[0] == pytest.approx(100 * 5 / 6)


def test_is_not_interpolated():
    # Precision rises again at the second positive; interpolated AP would be 2/3 throughout.
    scores = np.array([[0.9], [0.8], [0.7]])
    labels = np.array([[0], [1], [1]])
    assert average_precisions(scores, labels, labels >= 0)[0] == pytest.approx(100 * (1 / 2 + 2 / 3) / 2)


def test_order_of_tied_images_does_not_matter():
    labels = np.array([[1], [0], [0], [0]])
    scores = np.full((4, 1), 0.5)
    assert average_precisions(scores, labels, labels >= 0)[0] == pytest.approx(25)
    assert average_precisions(scores, labels[::-1], labels >= 0)[0] == pytest.approx(25)


def test_class_without_positives_is_nan_named_and_left_out():
    scores, labels, known = random_case(3, classes=4)
    labels[:, 1] = 0
    known[labels[:, 2] > 0, 2] = False
    precisions = average_precisions(scores, labels, known)
    assert np.isnan(precisions).tolist() == [False, True, True, False]
    assert without_positives(labels, known).tolist() == [1, 2]
    expected = pytest.approx((precisions[0] + precisions[3]) / 2)
    assert mean_over_classes(precisions) == mean_average_precision(scores, labels, known) == expected


def test_no_positives_at_all_is_refused():
    with pytest.raises(ValueError, match="no class has a positive"):
        mean_over_classes(np.full(3, np.nan))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_cannot_be_ranked_are_refused(bad):
    scores, labels, known = random_case(0)
    scores[5, 2] = bad
    with pytest.raises(ValueError, match="NaN or infinite"):
        average_precisions(scores, labels, known)


def test_shapes_that_differ_are_refused():
    scores, labels, known = random_case(0)
    with pytest.raises(ValueError, match=r"expected one \(N, K\)"):
        average_precisions(scores, labels[1:], known)

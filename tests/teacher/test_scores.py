import math

import numpy as np
import pytest

from wsdkd.scores import image_scores, refined_scores, region_scores

M_C = np.array([[1.0, 0.0], [-1.0, 2.0], [0.0, 0.0]], np.float32)
M_D = np.array([[0.5, 1.0], [0.0, -1.0], [2.0, 0.0]], np.float32)


@pytest.mark.parametrize(("t_c", "t_d"), [(1.0, 1.0), (0.5, 0.5), (2.0, 0.25)])
def test_against_a_plain_loop(t_c: float, t_d: float) -> None:
    scores = region_scores(M_C, M_D, t_c, t_d)
    for r in range(3):
        for k in range(2):
            over_classes = math.exp(M_C[r, k] / t_c) / sum(math.exp(M_C[r, j] / t_c) for j in range(2))
            over_regions = math.exp(M_D[r, k] / t_d) / sum(math.exp(M_D[i, k] / t_d) for i in range(3))
            assert scores[r, k] == pytest.approx(over_classes * over_regions, rel=1e-5)
    np.testing.assert_allclose(image_scores(M_C, M_D, t_c, t_d), scores.sum(axis=0), rtol=1e-6)
    assert scores.dtype == np.float32


def test_a_single_region_is_a_plain_softmax() -> None:
    np.testing.assert_allclose(image_scores(M_C[:1], M_D[:1]).sum(), 1, rtol=1e-6)


def test_half_precision_and_large_logits_stay_finite() -> None:
    scores = region_scores(np.array([[6e4, -6e4]], np.float32), np.array([[6e4, 6e4]], np.float32), 0.5, 0.5)
    assert scores.tolist() == [[1, 0]]


def test_refined_scores_are_the_mean_of_the_branches_without_background() -> None:
    # Two branches on one region, two classes; odds of the background are the last ones.
    logits = np.log(np.array([[[2.0, 1.0, 1.0], [1.0, 6.0, 3.0]]], np.float32))
    np.testing.assert_allclose(refined_scores(logits), [[(0.5 + 0.1) / 2, (0.25 + 0.6) / 2]], rtol=1e-6)
    assert refined_scores(np.zeros((1, 0, 3), np.float32)) is None

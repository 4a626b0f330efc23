"""Both forms of the teacher's scores, against plain loops, each other, and what they replaced."""

import math

import numpy as np
import pytest
import torch

from wsdkd.scores import (
    batch_image_scores,
    batch_region_scores,
    image_scores,
    refined_scores,
    region_scores,
    relative_scores,
    segment_softmax,
    share_of_best,
)

M_C = np.array([[1.0, 0.0], [-1.0, 2.0], [0.0, 0.0]], np.float32)
M_D = np.array([[0.5, 1.0], [0.0, -1.0], [2.0, 0.0]], np.float32)
COUNTS = [4, 1, 7]


@pytest.mark.parametrize(("t_c", "t_d"), [(1.0, 1.0), (0.5, 0.5), (2.0, 0.25)])
def test_an_image_s_regions_against_a_plain_loop(t_c: float, t_d: float) -> None:
    scores = region_scores(M_C, M_D, t_c, t_d)
    for r in range(3):
        for k in range(2):
            over_classes = math.exp(M_C[r, k] / t_c) / sum(math.exp(M_C[r, j] / t_c) for j in range(2))
            over_regions = math.exp(M_D[r, k] / t_d) / sum(math.exp(M_D[i, k] / t_d) for i in range(3))
            assert scores[r, k] == pytest.approx(over_classes * over_regions, rel=1e-5)
    np.testing.assert_allclose(image_scores(M_C, M_D, t_c, t_d), scores.sum(axis=0), rtol=1e-6)
    assert scores.dtype == np.float32


def _softmax(logits: np.ndarray, axis: int) -> np.ndarray:
    exponents = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return exponents / exponents.sum(axis=axis, keepdims=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("scale", [0.1, 3.0, 200.0])
def test_to_the_last_bit_in_single_precision(dtype: type, scale: float) -> None:
    """Students are trained with these numbers: another order of operations would train others."""
    rng = np.random.default_rng(0)
    for count, classes in ((1, 1), (7, 20), (100, 20), (500, 81)):
        m_c, m_d = rng.normal(0, scale, (2, count, classes)).astype(dtype)
        wide_c, wide_d = m_c.astype(np.float32), m_d.astype(np.float32)
        for t_c, t_d in ((1.0, 1.0), (0.5, 0.5), (2.0, 0.3)):
            expected = _softmax(wide_c / np.float32(t_c), 1) * _softmax(wide_d / np.float32(t_d), 0)
            np.testing.assert_array_equal(region_scores(m_c, m_d, t_c, t_d), expected)
        branches = rng.normal(0, scale, (count, 3, classes + 1)).astype(dtype)
        expected = _softmax(branches.astype(np.float32), 2)[:, :, :-1].mean(axis=1)
        np.testing.assert_array_equal(refined_scores(branches), expected)


def test_a_single_region_is_a_plain_softmax() -> None:
    np.testing.assert_allclose(image_scores(M_C[:1], M_D[:1]).sum(), 1, rtol=1e-6)


def test_large_logits_stay_finite() -> None:
    scores = region_scores(np.array([[6e4, -6e4]], np.float32), np.array([[6e4, 6e4]], np.float32), 0.5, 0.5)
    assert scores.tolist() == [[1, 0]]


def test_refined_scores_are_the_mean_of_the_branches_without_background() -> None:
    # Two branches on one region, two classes; odds of the background are the last ones.
    logits = np.log(np.array([[[2.0, 1.0, 1.0], [1.0, 6.0, 3.0]]], np.float32))
    np.testing.assert_allclose(refined_scores(logits), [[(0.5 + 0.1) / 2, (0.25 + 0.6) / 2]], rtol=1e-6)
    assert refined_scores(np.zeros((1, 0, 3), np.float32)) is None


def test_shares_of_the_best_region_by_hand() -> None:
    scores = np.array([[0.2, 0.0], [0.1, 0.0], [0.05, 1e-13]], np.float32)
    np.testing.assert_allclose(share_of_best(scores), [[1, 0], [0.5, 0], [0.25, 0.1]], rtol=1e-5)


@pytest.mark.parametrize("scale", [0.1, 3.0])
def test_shares_from_logits_are_those_of_the_scores(scale: float) -> None:
    rng = np.random.default_rng(1)
    m_c, m_d = rng.normal(0, scale, (2, 50, 20)).astype(np.float32)
    found = relative_scores(m_c, m_d)
    np.testing.assert_allclose(found, share_of_best(region_scores(m_c, m_d)), rtol=1e-5)
    assert found.dtype == np.float32


def _batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    shape = (sum(COUNTS), 5)
    image = torch.repeat_interleave(torch.arange(len(COUNTS)), torch.tensor(COUNTS))
    return (
        torch.randn(shape, generator=generator, dtype=torch.float64) * 3,
        torch.randn(shape, generator=generator, dtype=torch.float64) * 3,
        image,
    )


def test_segment_softmax_is_a_softmax_for_each_image() -> None:
    logits, _, image = _batch()
    each = [torch.softmax(part, dim=0) for part in logits.split(COUNTS)]
    torch.testing.assert_close(segment_softmax(logits, image, len(COUNTS)), torch.cat(each))


def test_segments_need_not_stand_together() -> None:
    logits, _, image = _batch()
    order = torch.randperm(len(image), generator=torch.Generator().manual_seed(0))
    shuffled = segment_softmax(logits[order], image[order], len(COUNTS))
    torch.testing.assert_close(shuffled, segment_softmax(logits, image, len(COUNTS))[order])


def test_segment_softmax_does_not_overflow() -> None:
    result = segment_softmax(torch.tensor([[1e4], [1e4], [-1e4]]), torch.tensor([0, 0, 1]), 2)
    assert result.ravel().tolist() == [0.5, 0.5, 1]


@pytest.mark.parametrize("temperatures", [(1.0, 1.0), (0.5, 0.5), (2.0, 0.3)])
def test_a_batch_s_scores_are_those_of_its_images(temperatures: tuple[float, float]) -> None:
    m_c, m_d, image = _batch()
    of_regions = batch_region_scores(m_c, m_d, image, len(COUNTS), *temperatures)
    of_images = batch_image_scores(of_regions, image, len(COUNTS))
    for place in range(len(COUNTS)):
        one = image == place
        arrays = m_c[one].numpy(), m_d[one].numpy()
        np.testing.assert_allclose(region_scores(*arrays, *temperatures), of_regions[one], rtol=1e-5)
        np.testing.assert_allclose(image_scores(*arrays, *temperatures), of_images[place], rtol=1e-5)
    assert ((of_images > 0) & (of_images < 1)).all()


def test_gradient_of_a_batch_s_scores_against_finite_differences() -> None:
    m_c, m_d, image = _batch()

    def scores(c: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
        return batch_image_scores(batch_region_scores(c, d, image, len(COUNTS), 0.5, 0.5), image, len(COUNTS))

    assert torch.autograd.gradcheck(scores, (m_c.requires_grad_(), m_d.requires_grad_()))

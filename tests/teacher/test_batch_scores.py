import math

import pytest
import torch

from wsdkd import scores as on_arrays
from wsdkd.batch_scores import image_scores, region_scores, segment_softmax

COUNTS = [4, 1, 7]


def _logits() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    shape = (sum(COUNTS), 5)
    image = torch.repeat_interleave(torch.arange(len(COUNTS)), torch.tensor(COUNTS))
    return (
        torch.randn(shape, generator=generator, dtype=torch.float64) * 3,
        torch.randn(shape, generator=generator, dtype=torch.float64) * 3,
        image,
    )


def test_segment_softmax_is_a_softmax_for_each_image() -> None:
    logits, _, image = _logits()
    each = [torch.softmax(part, dim=0) for part in logits.split(COUNTS)]
    torch.testing.assert_close(segment_softmax(logits, image, len(COUNTS)), torch.cat(each))


def test_segments_need_not_stand_together() -> None:
    logits, _, image = _logits()
    order = torch.randperm(len(image), generator=torch.Generator().manual_seed(0))
    shuffled = segment_softmax(logits[order], image[order], len(COUNTS))
    torch.testing.assert_close(shuffled, segment_softmax(logits, image, len(COUNTS))[order])


def test_segment_softmax_does_not_overflow() -> None:
    result = segment_softmax(torch.tensor([[1e4], [1e4], [-1e4]]), torch.tensor([0, 0, 1]), 2)
    assert result.ravel().tolist() == [0.5, 0.5, 1]


@pytest.mark.parametrize("temperatures", [(1.0, 1.0), (0.5, 0.5), (2.0, 0.3)])
def test_image_scores_against_a_plain_loop_and_the_arrays(temperatures: tuple[float, float]) -> None:
    by_class, by_region = temperatures
    m_c, m_d, image = _logits()
    of_regions = region_scores(m_c, m_d, image, len(COUNTS), by_class, by_region)
    scores = image_scores(of_regions, image, len(COUNTS))
    for place in range(len(COUNTS)):
        classes = (m_c[image == place] / by_class).tolist()
        regions = (m_d[image == place] / by_region).tolist()
        for k in range(5):
            total = sum(math.exp(row[k]) for row in regions)
            expected = sum(
                math.exp(c[k]) / sum(map(math.exp, c)) * math.exp(d[k]) / total
                for c, d in zip(classes, regions, strict=True)
            )
            assert scores[place, k].item() == pytest.approx(expected, rel=1e-9)
        arrays = on_arrays.image_scores(
            m_c[image == place].numpy(), m_d[image == place].numpy(), by_class, by_region
        )
        assert arrays.tolist() == pytest.approx(scores[place].tolist(), rel=1e-5)
    assert ((scores > 0) & (scores < 1)).all()


def test_gradient_against_finite_differences() -> None:
    m_c, m_d, image = _logits()
    assert torch.autograd.gradcheck(
        lambda c, d: image_scores(region_scores(c, d, image, len(COUNTS), 0.5, 0.5), image, len(COUNTS)),
        (m_c.requires_grad_(), m_d.requires_grad_()),
    )

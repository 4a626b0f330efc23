import numpy as np
import pytest
from scipy.special import softmax

from wsdkd.cache.params import CacheParams
from wsdkd.cache.writing.selection import choose_rois, confidences
from wsdkd.data.boxes import pairwise_iou
from wsdkd.scores import region_scores
from wsdkd.support import Ranking, region_shares, support
from wsdkd.teacher.run import ImageRegions

RANKINGS: list[Ranking] = ["scores", "support"]


def _outputs(regions: int = 30, classes: int = 4, scale: float = 1) -> ImageRegions:
    rng = np.random.default_rng(7)
    corners = np.sort(rng.uniform(0, 100, (regions, 2, 2)), axis=1).reshape(regions, 4)
    m_c, m_d = rng.normal(0, 2, (2, regions, classes)).astype(np.float32)
    objectness = rng.uniform(0.1, 1, regions).astype(np.float32)
    return ImageRegions("", scale * corners.astype(np.float32), objectness, m_c, m_d, m_c)


def _confidences(ranking: Ranking, said: ImageRegions, labels: tuple[int, ...]) -> np.ndarray:
    return confidences(region_shares(ranking, said), said, labels)


@pytest.mark.parametrize("ranking", RANKINGS)
def test_confidence_against_a_plain_loop(ranking: Ranking) -> None:
    said = _outputs()
    scores = region_scores(said.class_logits, said.detection_logits)
    image = scores.sum(axis=0)
    if ranking == "support":
        scores = support(said.boxes, said.objectness, softmax(said.class_logits, axis=1))
    labels = (1, 3)
    found = _confidences(ranking, said, labels)
    for region in range(len(found)):
        expected = max(
            scores[region, k] / scores[:, k].max() * image[k] / max(image[j] for j in labels) for k in labels
        )
        assert found[region] == pytest.approx(expected, rel=1e-5)
    assert found.max() == pytest.approx(1)
    assert (found > 0).all()


def test_without_labels_all_classes_count() -> None:
    said = _outputs()
    found = [_confidences("scores", said, labels) for labels in ((), (0, 1, 2, 3))]
    np.testing.assert_allclose(*found, rtol=1e-5)


@pytest.mark.parametrize("ranking", RANKINGS)
def test_all_regions_most_confident_first(ranking: Ranking) -> None:
    said = _outputs()
    chosen, confidence, shares, best = choose_rois(said, (0,), CacheParams(ranking=ranking))
    assert sorted(chosen.tolist()) == list(range(len(said.boxes)))
    assert (np.diff(confidence) <= 0).all()
    np.testing.assert_array_equal(confidence, _confidences(ranking, said, (0,))[chosen])
    np.testing.assert_array_equal(shares, region_shares(ranking, said)[chosen])
    np.testing.assert_array_equal(best, region_shares(ranking, said).argmax(axis=0))
    assert chosen.dtype == np.int32
    assert confidence.dtype == np.float32


@pytest.mark.parametrize("ranking", RANKINGS)
@pytest.mark.parametrize("best", [1, 5, 100])
def test_non_maximum_suppression_by_confidence(best: int, ranking: Ranking) -> None:
    said = _outputs()
    chosen, confidence, *_ = choose_rois(said, (0, 2), CacheParams(rois=best, nms_iou=0.4, ranking=ranking))
    # Greedily, from the definition.
    overlaps = pairwise_iou(said.boxes, said.boxes)
    kept: list[int] = []
    for region in np.argsort(-_confidences(ranking, said, (0, 2)), kind="stable"):
        if all(overlaps[region, other] <= 0.4 for other in kept):
            kept.append(int(region))
    assert chosen.tolist() == kept[:best]
    assert (np.diff(confidence) <= 0).all()


def test_a_single_region_is_always_chosen() -> None:
    chosen, confidence, *_ = choose_rois(_outputs(1), (), CacheParams(rois=16))
    assert (chosen.tolist(), confidence.tolist()) == ([0], [pytest.approx(1)])


@pytest.mark.parametrize("ranking", RANKINGS)
def test_the_frame_of_the_boxes_does_not_matter(ranking: Ranking) -> None:
    params = CacheParams(rois=8, ranking=ranking)
    here, *_ = choose_rois(_outputs(), (1,), params)
    there, *_ = choose_rois(_outputs(scale=4), (1,), params)
    np.testing.assert_array_equal(here, there)

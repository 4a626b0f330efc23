import numpy as np
import pytest

from wsdkd.cache.writing.selection import choose_rois, confidences
from wsdkd.data.boxes import pairwise_iou
from wsdkd.scores import region_scores


def _outputs(regions: int = 30, classes: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    corners = np.sort(rng.uniform(0, 100, (regions, 2, 2)), axis=1).reshape(regions, 4)
    return (
        corners.astype(np.float32),
        rng.normal(0, 2, (regions, classes)).astype(np.float32),
        rng.normal(0, 2, (regions, classes)).astype(np.float32),
    )


def test_confidence_against_a_plain_loop() -> None:
    _, m_c, m_d = _outputs()
    scores = region_scores(m_c, m_d)
    image = scores.sum(axis=0)
    labels = (1, 3)
    found = confidences(m_c, m_d, labels)
    for region in range(len(m_c)):
        expected = max(
            scores[region, k] / scores[:, k].max() * image[k] / max(image[j] for j in labels) for k in labels
        )
        assert found[region] == pytest.approx(expected, rel=1e-5)
    assert found.max() == pytest.approx(1)
    assert (found > 0).all()


def test_without_labels_all_classes_count() -> None:
    _, m_c, m_d = _outputs()
    np.testing.assert_allclose(confidences(m_c, m_d, ()), confidences(m_c, m_d, (0, 1, 2, 3)), rtol=1e-5)


def test_all_regions_most_confident_first() -> None:
    boxes, m_c, m_d = _outputs()
    chosen, confidence = choose_rois(boxes, m_c, m_d, (0,), "all", 0.5)
    assert sorted(chosen.tolist()) == list(range(len(boxes)))
    assert (np.diff(confidence) <= 0).all()
    np.testing.assert_array_equal(confidence, confidences(m_c, m_d, (0,))[chosen])
    assert chosen.dtype == np.int32
    assert confidence.dtype == np.float32


@pytest.mark.parametrize("best", [1, 5, 100])
def test_non_maximum_suppression_by_confidence(best: int) -> None:
    boxes, m_c, m_d = _outputs()
    chosen, confidence = choose_rois(boxes, m_c, m_d, (0, 2), best, 0.4)
    # Greedily, from the definition.
    overlaps = pairwise_iou(boxes, boxes)
    kept: list[int] = []
    for region in np.argsort(-confidences(m_c, m_d, (0, 2)), kind="stable"):
        if all(overlaps[region, other] <= 0.4 for other in kept):
            kept.append(int(region))
    assert chosen.tolist() == kept[:best]
    assert (np.diff(confidence) <= 0).all()


def test_a_single_region_is_always_chosen() -> None:
    boxes, m_c, m_d = _outputs(1)
    chosen, confidence = choose_rois(boxes, m_c, m_d, (), 16, 0.5)
    assert (chosen.tolist(), confidence.tolist()) == ([0], [pytest.approx(1)])


def test_the_frame_of_the_boxes_does_not_matter() -> None:
    boxes, m_c, m_d = _outputs()
    here, _ = choose_rois(boxes, m_c, m_d, (1,), 8, 0.5)
    there, _ = choose_rois(boxes * 4, m_c, m_d, (1,), 8, 0.5)
    np.testing.assert_array_equal(here, there)

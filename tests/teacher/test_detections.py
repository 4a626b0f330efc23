"""Detections: of two boxes of a class that overlap the better stays, whatever other classes say."""

import numpy as np
import pytest

from wsdkd.data.boxes import pairwise_iou
from wsdkd.teacher.detections import detect


@pytest.mark.parametrize("limit", [1, 20, 1000])
@pytest.mark.parametrize("seed", range(3))
def test_suppression_against_brute_force(seed: int, limit: int) -> None:
    generator = np.random.default_rng(seed)
    corner = generator.uniform(0, 40, (40, 2))
    boxes = np.concatenate([corner, corner + generator.uniform(5, 40, (40, 2))], axis=1).astype(np.float32)
    scores = generator.random((40, 3)).astype(np.float32)
    overlaps = pairwise_iou(boxes, boxes)
    expected = []
    for k in range(3):
        kept: list[int] = []
        for place in np.argsort(-scores[:, k]):
            if all(overlaps[place, other] <= 0.3 for other in kept):
                kept.append(int(place))
        expected += [(float(scores[place, k]), k, tuple(boxes[place])) for place in kept]
    expected.sort(key=lambda entry: -entry[0])
    found = detect(boxes, scores, nms_iou=0.3, limit=limit)
    actual = [
        (float(score), int(label), tuple(box))
        for score, label, box in zip(found.scores, found.labels, found.boxes, strict=True)
    ]
    assert actual == expected[:limit]


def test_an_image_without_regions_has_no_detections() -> None:
    found = detect(np.zeros((0, 4), np.float32), np.zeros((0, 3), np.float32), nms_iou=0.3, limit=20)
    assert (found.boxes.shape, found.labels.shape, found.scores.shape) == ((0, 4), (0,), (0,))


def test_what_ranks_behind_many_copies_of_the_best_box_is_found() -> None:
    boxes = np.array([[0, 0, 10, 10]] * 40 + [[20, 20, 30, 30]], np.float32)
    scores = np.linspace(1, 0.1, 41, dtype=np.float32)[:, None]
    found = detect(boxes, scores, nms_iou=0.3, limit=2)
    np.testing.assert_array_equal(found.boxes, boxes[[0, 40]])
    np.testing.assert_array_equal(found.scores, scores[[0, 40], 0])


def test_equal_scores_come_by_class_and_region() -> None:
    boxes = np.array([[0, 0, 10, 10], [20, 20, 30, 30]], np.float32)
    found = detect(boxes, np.full((2, 3), 0.5, np.float32), nms_iou=0.3, limit=5)
    np.testing.assert_array_equal(found.labels, [0, 0, 1, 1, 2])
    np.testing.assert_array_equal(found.boxes, boxes[[0, 1, 0, 1, 0]])

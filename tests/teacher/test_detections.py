"""Non-maximum suppression of region scores."""

import numpy as np
import pytest

from wsdkd.data.boxes import pairwise_iou
from wsdkd.teacher.run import detect


@pytest.mark.parametrize("seed", range(3))
def test_suppression_against_brute_force(seed):
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
    found = detect(boxes, scores, nms_iou=0.3, limit=20)
    actual = [
        (float(score), int(label), tuple(box))
        for score, label, box in zip(found.scores, found.labels, found.boxes, strict=True)
    ]
    assert actual == expected[:20]


def test_an_image_without_regions_has_no_detections():
    found = detect(np.zeros((0, 4), np.float32), np.zeros((0, 3), np.float32), nms_iou=0.3, limit=20)
    assert (found.boxes.shape, found.labels.shape, found.scores.shape) == ((0, 4), (0,), (0,))

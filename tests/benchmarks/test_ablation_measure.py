"""Small against large, rare against frequent, on four images by hand."""

import numpy as np
import pytest

from benchmarks.ablation.measure import figures, find_parts
from wsdkd.average_precision import average_precisions
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.evaluation.truth import ImageObjects, Truth

AREA = 10_000
LABELS = np.array([[1, 0], [1, 1], [1, 0], [0, 0]], np.float32)
KNOWN = np.ones((4, 2), dtype=bool)


def _objects(*items: tuple[int, float]) -> ImageObjects:
    boxes = np.array([[0, 0, side, side] for _, side in items], dtype=np.float64).reshape(-1, 4)
    labels = np.array([label for label, _ in items], dtype=np.int64)
    return ImageObjects(boxes, labels, np.zeros(len(items), dtype=bool))


# Class 0: largest sides 10, 40 (beside a small one), 20; class 1: 60. The median lies between 20 and 40.
OBJECTS = [_objects((0, 10)), _objects((0, 40), (0, 5), (1, 60)), _objects((0, 20)), _objects()]


def test_the_largest_object_of_the_class_counts() -> None:
    parts = find_parts(OBJECTS, [AREA] * 4, np.array([30, 10]), 2)
    assert parts.small is not None
    assert parts.large is not None
    assert parts.small.tolist() == [[True, False], [False, False], [True, False], [False, False]]
    assert parts.large.tolist() == [[False, False], [True, True], [False, False], [False, False]]
    assert parts.rare.tolist() == [False, True]


def test_a_size_is_a_share_of_the_image() -> None:
    parts = find_parts(OBJECTS, [AREA, 100 * AREA, AREA, AREA], np.array([30, 10]), 2)
    assert parts.small is not None
    assert parts.small[1].tolist() == [True, True]


def test_of_the_other_size_is_left_out_and_without_the_class_is_negative() -> None:
    parts = find_parts(OBJECTS, [AREA] * 4, np.array([30, 10]), 2)
    scores = np.array([[0.9, 0.1], [0.8, 0.9], [0.2, 0.3], [0.5, 0.2]], np.float32)
    result = figures(scores, Truth(LABELS, KNOWN), parts, EvaluationParams())
    # Small, class 0: images 0 and 2 against 3; image 1 holds a large one. Class 1 has no small one.
    assert result["small"] == pytest.approx(100 * (1 + 2 / 3) / 2)
    # Large: image 1 against 3 for class 0, against all others for class 1.
    assert result["large"] == pytest.approx(100)
    each = average_precisions(scores, LABELS, KNOWN)
    assert (result["frequent"], result["rare"]) == (pytest.approx(each[0]), pytest.approx(each[1]))
    assert result["mAP"] == pytest.approx(each.mean())


def test_without_boxes_there_is_no_size() -> None:
    parts = find_parts([_objects()] * 4, [AREA] * 4, np.array([30, 10]), 2)
    scores = np.random.default_rng(0).random((4, 2)).astype(np.float32)
    assert {"small", "large"}.isdisjoint(figures(scores, Truth(LABELS, KNOWN), parts, EvaluationParams()))

"""Figures that need boxes: there with boxes, absent with a reason without."""

import numpy as np
import pytest

from wsdkd.evaluation.localisation import localisation
from wsdkd.evaluation.truth import ImageObjects
from wsdkd.teacher.detections import Detections

BOX = np.array([[0.0, 0, 40, 40]])
OBJECTS = [ImageObjects(BOX, np.array([1]), np.zeros(1, bool))]
NOTHING = [ImageObjects(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0, bool))]
DETECTIONS = [Detections(BOX.astype(np.float32), np.array([1], np.int16), np.array([0.9], np.float32))]
PROPOSALS = [np.concatenate([BOX, BOX + 100])]


def never():
    raise AssertionError("the teacher's cache was read for nothing")
    yield


def test_with_boxes():
    found = localisation(DETECTIONS, PROPOSALS, OBJECTS, [BOX[[0, 0]]], OBJECTS, 2)
    names = ["AP50", "AP50_11_point", "COCO_AP", "COCO_AP50", "COCO_AP75", "CorLoc"]
    assert found.teacher == pytest.approx(dict.fromkeys(names, 100.0))
    assert found.proposals == {"recall_0.5": 100.0, "recall_0.7": 100.0, "boxes_per_image": 2.0}
    assert found.absent == {}
    np.testing.assert_equal(found.ap50, [np.nan, 100])


def test_without_boxes():
    found = localisation([], PROPOSALS, NOTHING, never(), NOTHING, 2)
    assert (found.teacher, found.proposals, found.ap50) == ({}, {}, None)
    assert found.absent == {
        "AP50, COCO_AP and recall of proposals": "no test image has annotated boxes",
        "CorLoc": "no training image has annotated boxes",
    }


def test_boxes_in_training_alone():
    found = localisation([], PROPOSALS, NOTHING, [BOX[[0, 0]]], OBJECTS, 2)
    assert found.teacher == {"CorLoc": 100.0}
    assert list(found.absent) == ["AP50, COCO_AP and recall of proposals"]

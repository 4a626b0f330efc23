"""Pictures of examples."""

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from wsdkd.evaluation.charts import save_png
from wsdkd.evaluation.examples import Example, draw_examples, verdict
from wsdkd.teacher.detections import Detections

CLASSES = ["cat", "dog", "cow", "yak"]


@pytest.fixture
def example():
    flags = np.array
    boxes = np.array([[2, 2, 20, 20], [5, 5, 9, 9], [10, 10, 30, 30], [0, 0, 8, 8]], np.float32)
    return Example(
        picture=np.full((40, 40, 3), 128, np.uint8),
        present=flags([True, True, False, False]),
        known=flags([True, True, True, False]),
        detections=Detections(
            boxes, np.array([0, 0, 2, 1], np.int16), np.array([0.9, 0.5, 0.4, 0.1], np.float32)
        ),
        detected=flags([True, False, True, False]),
        predicted={
            "baseline": flags([False, False, True, True]),
            "student": flags([True, True, False, False]),
        },
    )


def test_verdict_leaves_ignored_labels_out(example):
    assert verdict(example, "baseline", CLASSES) == "✗ cow  ○ cat  ○ dog"
    assert verdict(example, "student", CLASSES) == "✓ cat  ✓ dog"


def test_best_detection_of_each_detected_class_is_drawn(example, tmp_path):
    figure = draw_examples([example] * 5, CLASSES)
    patches = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    assert [(patch.get_x(), patch.get_width()) for patch in patches] == [(2, 18), (10, 20)]
    assert "student: ✓ cat" in figure.axes[4].get_xlabel()
    save_png(figure, tmp_path / "examples.png")


def test_no_examples(tmp_path):
    save_png(draw_examples([], CLASSES), tmp_path / "examples.png")

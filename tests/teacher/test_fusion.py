"""Fusing the teacher's views: the mean of S, view by view in step."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from wsdkd.settings.sections import parse_section
from wsdkd.teacher import run
from wsdkd.teacher.params import TeacherParams
from wsdkd.teacher.run import FusedView, fused_views, run_fused_teacher


def teacher_params(**changes):
    section = {
        "network": {},
        "input_size": 64,
        "train_sizes": [64],
        "training": {"epochs": 1},
        **changes,
    }
    return parse_section({"teacher": section}, "teacher", TeacherParams)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [(64, False)]),
        ({"test_mirrored": True}, [(64, False), (64, True)]),
        ({"test_sizes": [48, 96]}, [(48, False), (96, False)]),
        (
            {"test_sizes": [48, 96], "test_mirrored": True},
            [(48, False), (48, True), (96, False), (96, True)],
        ),
    ],
)
def test_views(changes, expected):
    assert fused_views(teacher_params(**changes)) == [FusedView(*view) for view in expected]


@pytest.mark.parametrize("refined", [False, True])
def test_mean_of_scores(monkeypatch, refined):
    rows = [SimpleNamespace(image_id="a"), SimpleNamespace(image_id="b")]
    boxes = np.array([[0, 0, 1, 1], [1, 1, 2, 2], [0, 0, 9, 9]], np.float32)
    asked, in_flight = [], []

    def run_teacher(_loaded, rows, _root, _proposals, *, size, mirrored, description, **_):
        asked.append((size, mirrored, description))
        generator = np.random.default_rng([size, mirrored])
        for row in rows:
            logits = generator.normal(size=(2, 3, 4)).astype(np.float32)
            in_flight.append(row.image_id)
            yield SimpleNamespace(
                image_id=row.image_id,
                boxes=boxes,
                class_logits=logits[0],
                detection_logits=logits[1],
                refined=np.full((3, 4), size + mirrored, np.float32) if refined else None,
            )

    monkeypatch.setattr(run, "run_teacher", run_teacher)
    loaded = SimpleNamespace(params=teacher_params(test_sizes=[48, 96], test_mirrored=True))
    fused = list(
        run_fused_teacher(
            loaded, rows, Path(), None, batch_size=1, device=torch.device("cpu"), description="teacher"
        )
    )
    assert [(size, mirrored) for size, mirrored, _ in asked] == [
        (48, False),
        (48, True),
        (96, False),
        (96, True),
    ]
    assert asked[1][2] == "teacher, 48 px mirrored"
    assert in_flight == ["a"] * 4 + ["b"] * 4  # no view runs ahead of the others

    generators = [np.random.default_rng([size, mirrored]) for size, mirrored, _ in asked]
    for image in fused:
        parts = []
        for generator in generators:
            over_classes, over_regions = np.exp(generator.normal(size=(2, 3, 4)).astype(np.float32))
            over_classes /= over_classes.sum(axis=1, keepdims=True)
            over_regions /= over_regions.sum(axis=0, keepdims=True)
            parts.append(over_classes * over_regions)
        np.testing.assert_allclose(image.scores, np.mean(parts, axis=0), rtol=1e-5)
        np.testing.assert_array_equal(image.boxes, boxes)
        # 48, 49, 96 and 97, where there are branches of refinement.
        expected = np.full((3, 4), 72.5) if refined else image.scores
        np.testing.assert_array_equal(image.detection_scores, expected)
    assert [image.image_id for image in fused] == ["a", "b"]

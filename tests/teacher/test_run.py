"""The teacher over images: one view, all views of the test fused, and detections."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.small_world import CLASSES, TEACHER, World, make_world
from wsdkd.data.boxes import to_input
from wsdkd.networks.roi_pooling import stack_rois
from wsdkd.settings.sections import parse_section
from wsdkd.teacher.network import LoadedTeacher, Wsddn
from wsdkd.teacher.params import TeacherParams
from wsdkd.teacher.run import (
    ImageRegions,
    PictureView,
    ProposedImages,
    fused_views,
    run_fused_teacher,
    run_teacher,
)

Run = Callable[..., list[ImageRegions]]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path, images=5)


@pytest.fixture(scope="module")
def teacher() -> LoadedTeacher:
    torch.manual_seed(0)
    return LoadedTeacher(Wsddn(TEACHER, len(CLASSES)).eval(), TEACHER, CLASSES)


@pytest.fixture
def run(world: World, teacher: LoadedTeacher) -> Run:
    def run_all(mirrored: bool = False, batch_size: int = 2, loaded: LoadedTeacher = teacher) -> object:
        return list(
            run_teacher(
                loaded,
                ProposedImages(world.rows, world.root, world.proposals),
                PictureView(32, mirrored),
                batch_size=batch_size,
                device=torch.device("cpu"),
                description=None,
            )
        )

    return run_all  # type: ignore[return-value]


@pytest.mark.parametrize("mirrored", [False, True])
def test_outputs_against_one_image_at_a_time(
    world: World, teacher: LoadedTeacher, run: Run, mirrored: bool
) -> None:
    found = run(mirrored)
    assert [regions.image_id for regions in found] == [row.image_id for row in world.rows]
    for regions, row in zip(found, world.rows, strict=True):
        boxes, objectness = world.proposals.of(row.image_id)
        # Boxes come back in the frame of the original, unmirrored picture.
        np.testing.assert_array_equal(regions.boxes, boxes)
        np.testing.assert_array_equal(regions.objectness, objectness)
        with Image.open(world.root / row.path) as file:
            picture = np.asarray(file.convert("RGB").resize((32, 32), Image.Resampling.BILINEAR))
        picture = picture[:, ::-1] if mirrored else picture
        rois = stack_rois([to_input(boxes, row.width, row.height, 32, mirrored)])
        with torch.no_grad():
            expected = teacher.model(
                torch.from_numpy(picture.copy()).permute(2, 0, 1)[None], rois, torch.from_numpy(objectness)
            )
        for name in ("class_logits", "detection_logits", "features"):
            assert getattr(regions, name).dtype == np.float32
            value = getattr(expected, name).numpy()
            np.testing.assert_allclose(getattr(regions, name), value, rtol=1e-3, atol=1e-4)
        assert regions.refined is None


def test_branches_of_refinement_give_scores_of_regions(run: Run) -> None:
    torch.manual_seed(0)
    params = TEACHER.model_copy(update={"refinements": 2})
    refined = LoadedTeacher(Wsddn(params, len(CLASSES)).eval(), params, CLASSES)
    for regions in run(loaded=refined):
        assert regions.refined is not None
        assert regions.refined.shape == (len(regions.boxes), len(CLASSES))
        assert ((regions.refined > 0) & (regions.refined < 1)).all()


def test_the_batch_size_changes_nothing(run: Run) -> None:
    for one, many in zip(run(batch_size=1), run(batch_size=100), strict=True):
        np.testing.assert_allclose(one.class_logits, many.class_logits, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(one.features, many.features, rtol=1e-4, atol=1e-6)


def test_the_best_proposals_alone(run: Run, teacher: LoadedTeacher) -> None:
    few = teacher._replace(params=TEACHER.model_copy(update={"proposals": 2}))
    for regions in run(loaded=few):
        assert regions.objectness.tolist() == [1.0, 0.5]
        assert len(regions.boxes) == len(regions.class_logits) == len(regions.features) == 2


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
def test_views_of_the_test(changes, expected):
    assert fused_views(teacher_params(**changes)) == [PictureView(*view) for view in expected]


@pytest.mark.parametrize("refined", [False, True])
def test_fused_scores_are_the_mean_over_views_in_step(monkeypatch, refined):
    rows = [SimpleNamespace(image_id="a"), SimpleNamespace(image_id="b")]
    boxes = np.array([[0, 0, 1, 1], [1, 1, 2, 2], [0, 0, 9, 9]], np.float32)
    asked, in_flight = [], []

    def one_view(_loaded, images, view, *, description, **_):
        size, mirrored = view.size, view.mirrored
        asked.append((size, mirrored, description))
        generator = np.random.default_rng([size, mirrored])
        for row in images.rows:
            logits = generator.normal(size=(2, 3, 4)).astype(np.float32)
            in_flight.append(row.image_id)
            yield SimpleNamespace(
                image_id=row.image_id,
                boxes=boxes,
                class_logits=logits[0],
                detection_logits=logits[1],
                refined=np.full((3, 4), size + mirrored, np.float32) if refined else None,
            )

    monkeypatch.setattr("wsdkd.teacher.run.run_teacher", one_view)
    loaded = SimpleNamespace(params=teacher_params(test_sizes=[48, 96], test_mirrored=True))
    fused = list(
        run_fused_teacher(
            loaded,
            ProposedImages(rows, Path(), None),
            "scores",
            batch_size=1,
            device=torch.device("cpu"),
            description="teacher",
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

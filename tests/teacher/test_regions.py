from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.small_world import CLASSES, TEACHER, World, make_world
from wsdkd.data.boxes import to_input
from wsdkd.networks.roi_pooling import stack_rois
from wsdkd.teacher.network import LoadedTeacher, Wsddn
from wsdkd.teacher.run import ImageRegions, run_teacher

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
                world.rows,
                world.root,
                world.proposals,
                size=32,
                mirrored=mirrored,
                batch_size=batch_size,
                device=torch.device("cpu"),
                description=None,
            )
        )

    return run_all  # type: ignore[return-value]


@pytest.mark.parametrize("mirrored", [False, True])
def test_against_one_image_at_a_time(world: World, teacher: LoadedTeacher, run: Run, mirrored: bool) -> None:
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

"""What augmentation shows of a picture, where it leaves regions, and that seed and epoch alone decide."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

from tests.training.small_world import (
    CLASSES,
    COLOURS,
    FEATURES,
    HEIGHT,
    STUDENT,
    TEACHER,
    TRAINING,
    WIDTH,
    HandMadeCache,
    World,
    make_world,
    same_weights,
    train,
)
from wsdkd.data.images import WHOLE, Window, load_square
from wsdkd.distill.features import feature_objective
from wsdkd.distill.from_cache import CachedFeatures
from wsdkd.distill.params import DistillFeaturesParams
from wsdkd.student.learning import LabelObjective
from wsdkd.student.network import Student
from wsdkd.teacher.learning import RegionsAndLabels, TeacherObjective
from wsdkd.teacher.network import Wsddn
from wsdkd.training.augmentation import Change, draw_change, recoloured
from wsdkd.training.loader import Labels
from wsdkd.training.params import Augmentation
from wsdkd.training.pictures import Pictures
from wsdkd.training.views import BatchParts, EpochViews, Showing, View

STRONG = Augmentation(crop=0.3, colour=0.4, erase=0.5)
AUGMENTED = TRAINING.model_copy(update={"augmentation": STRONG})


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def _cropped(left: float, top: float, right: float, bottom: float, mirrored: bool = False) -> View:
    return View(0, mirrored, 32, Change(Window(left, top, right, bottom), (1, 1, 1), None))


def test_a_window_is_that_part_of_the_picture(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "picture.png")
    found = load_square(tmp_path / "picture.png", 32, window=Window(0.25, 0.5, 0.75, 0.9))
    expected = Image.fromarray(picture[30:54, 20:60]).resize((32, 32), Image.Resampling.BILINEAR)
    # At its edges it is mixed with the pixels beside it.
    inside = np.s_[1:-1, 1:-1]
    np.testing.assert_allclose(found[inside].astype(int), np.asarray(expected)[inside].astype(int), atol=1)
    whole = Image.fromarray(picture).resize((32, 32), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(load_square(tmp_path / "picture.png", 32), np.asarray(whole))


def test_a_large_jpeg_is_decoded_finely_enough_for_its_window(tmp_path: Path) -> None:
    # A checkerboard of 8 pixels is grey at an eighth of the resolution.
    board = np.kron(np.indices((128, 128)).sum(axis=0) % 2, np.ones((8, 8))) * 255
    Image.fromarray(board.astype(np.uint8)).convert("RGB").save(tmp_path / "board.jpg", quality=95)
    part = load_square(tmp_path / "board.jpg", 32, window=Window(0.5, 0.5, 0.5625, 0.5625))
    assert part.std() > 90


@pytest.mark.parametrize("mirrored", [False, True])
def test_regions_go_along_as_torchvision_carries_them(mirrored: bool) -> None:
    boxes = np.array([[20, 30, 60, 54], [0, 0, 80, 60], [22, 31, 30, 40], [50, 40, 75, 50], [0, 0, 10, 10]])
    boxes = boxes.astype(np.float32)
    seen = _cropped(0.25, 0.5, 0.75, 0.9, mirrored).regions(boxes, 80, 60)
    frame = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(60, 80))  # type: ignore[call-overload]
    carried = F.resized_crop(frame, top=30, left=20, height=24, width=40, size=[32, 32])
    expected = (F.horizontal_flip(carried) if mirrored else carried).numpy()
    # The whole picture and the corner leave; of the fourth box 10 of 25 columns are beyond the edge.
    assert seen.places.tolist() == [0, 2]
    np.testing.assert_allclose(seen.boxes, expected[seen.places], atol=1e-4)
    wider = _cropped(0.25, 0.5, 0.85, 0.9, mirrored).regions(boxes, 80, 60)
    assert wider.places.tolist() == [0, 2, 3]
    assert wider.boxes.max() <= 32


def test_without_a_crop_every_region_stays_where_it_was() -> None:
    boxes = np.array([[-1, 2, 30, 20], [4, 4, 4, 4]], np.float32)
    for mirrored in (False, True):
        plain = View(0, mirrored, 32).regions(boxes, WIDTH, HEIGHT)
        recoloured_only = View(0, mirrored, 32, Change(WHOLE, (1.1, 1, 1), None))
        found = recoloured_only.regions(boxes, WIDTH, HEIGHT)
        assert plain.places.tolist() == found.places.tolist() == [0, 1]
        np.testing.assert_array_equal(plain.boxes, found.boxes)


def test_a_region_is_where_its_object_is_seen(world: World) -> None:
    # The first proposal of each image is its coloured square. Its pixels in the picture are found by colour.
    pictures = Pictures(world.rows, world.root, [96])
    crops = Showing(augmentation=Augmentation(crop=0.4))
    seen = 0
    for batch in EpochViews(len(world.rows), 4, [96], 0, range(10), crops):
        for view, picture in zip(batch, pictures.load(batch).permute(0, 2, 3, 1).numpy(), strict=True):
            row = world.rows[view.row]
            boxes, _ = world.proposals.of(row.image_id)
            regions = view.regions(boxes[:1], WIDTH, HEIGHT)
            if not len(regions.places):
                continue
            seen += 1
            colour = np.array(COLOURS[row.labels[0]])
            rows, columns = np.nonzero(np.abs(picture.astype(int) - colour).max(axis=2) < 60)
            found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(regions.boxes[0], found, atol=3)
    assert seen > 60


def test_changes_are_as_large_as_asked() -> None:
    changes = [draw_change(STRONG, 0, 0, place) for place in range(2000)]
    assert None not in changes
    windows = np.array([change.window for change in changes if change])
    sides = windows[:, 2:] - windows[:, :2]
    shares, aspects = sides.prod(axis=1), sides[:, 0] / sides[:, 1]
    assert windows.min() >= 0
    assert windows.max() <= 1
    assert 0.3 <= shares.min() < 0.32
    assert shares.max() > 0.95
    assert 3 / 4 - 1e-9 <= aspects.min() < aspects.max() <= 4 / 3 + 1e-9
    colours = np.array([change.colours for change in changes if change])
    assert 0.6 <= colours.min() < 0.61
    assert 1.39 < colours.max() <= 1.4
    blots = np.array([change.blot for change in changes if change and change.blot])
    assert 900 < len(blots) < 1100
    covered = (blots[:, 2:] - blots[:, :2]).prod(axis=1)
    assert 0.02 <= covered.min() < covered.max() <= 0.2
    assert draw_change(Augmentation(), 0, 0, 0) is None
    assert draw_change(STRONG, 0, 1, 5) != draw_change(STRONG, 0, 0, 5)


def test_colours_and_blots() -> None:
    picture = np.full((20, 20, 3), (100, 60, 20), np.uint8)
    brighter = recoloured(picture, Change(WHOLE, (1.5, 1, 1), None))
    assert brighter[3, 3].tolist() == [150, 90, 30]
    grey = recoloured(picture, Change(WHOLE, (1, 1, 0), None))
    assert np.ptp(grey[3, 3]) == 0
    blotted = recoloured(picture, Change(WHOLE, (1, 1, 1), Window(0.5, 0.1, 0.75, 0.3)))
    where = (blotted != picture).all(axis=2)
    assert where.sum() == 5 * 4
    assert where[2:6, 10:15].all()
    assert picture[3, 12].tolist() == [100, 60, 20]


def test_only_seed_epoch_and_place_decide() -> None:
    views = EpochViews(13, 4, [32], 3, range(3), Showing(augmentation=STRONG))
    whole = [view for batch in views for view in batch]
    assert len({view.change for view in whole}) == len(whole)
    # Begun in the last epoch, as after an interruption; and in parts.
    resumed = EpochViews(13, 4, [32], 3, range(2, 3), Showing(augmentation=STRONG))
    assert [view for batch in resumed for view in batch] == whole[-12:]
    parts = BatchParts(views, 2)
    assert sorted(view for part in (parts[0], parts[1]) for view in part) == sorted(whole[:4])
    # The order of images and their mirroring are those of a training without augmentation.
    plain = EpochViews(13, 4, [32], 3, range(3))
    assert [view._replace(change=None) for view in whole] == [view for batch in plain for view in batch]


def test_the_number_of_workers_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    network = STUDENT.network.model_copy(update={"frozen_stages": 2})
    frozen = STUDENT.model_copy(update={"network": network, "dropout": 0.5})
    found = []
    for workers in ("1", "2"):
        monkeypatch.setenv("WSDKD_WORKERS", workers)
        labels = Labels(world.rows, len(CLASSES))
        found.append(
            train(lambda: LabelObjective(Student(frozen, len(CLASSES))), world, labels, AUGMENTED)[0]
        )
        assert "test: pictures are augmented anew each time, so neither they nor" in capsys.readouterr().err
    assert same_weights(*found)
    plain, _ = train(lambda: LabelObjective(Student(frozen, len(CLASSES))), world, labels)
    assert not same_weights(found[0], plain)
    assert "augmented" not in capsys.readouterr().err


@pytest.mark.parametrize("recipe", ["release", "paper", "regions"])
def test_a_student_learns_where_views_lose_their_regions(world: World, recipe: str) -> None:
    # Of a twentieth of a picture most views hold none of the teacher's regions, and some batches none at all.
    tiny = TRAINING.model_copy(update={"augmentation": Augmentation(crop=0.05), "batch_size": 1})
    params = DistillFeaturesParams.model_validate(
        {"recipe": recipe, "label_weight": 1.0, "region_weight": 2.0, "training": tiny}
    )
    taught, counts = CachedFeatures(world.rows, HandMadeCache(world), params), []

    def counting(views: list[View]) -> dict[str, torch.Tensor]:
        batch = taught(views)
        counts.append(len(batch["rois"]))
        assert all(len(batch[name]) == counts[-1] for name in ("objectness", "confidence", "features"))
        return batch

    _, curves = train(
        lambda: feature_objective(Student(STUDENT, len(CLASSES)), params, FEATURES),
        world,
        counting,  # type: ignore[arg-type]
        tiny,
    )
    assert all(math.isfinite(value) for _, _, value in curves.logged)
    batch = taught([_cropped(0.0, 0.0, 0.01, 0.01)])
    assert len(batch["rois"]) == 0


def test_a_teacher_learns_where_a_view_has_no_region(world: World) -> None:
    tiny = TRAINING.model_copy(update={"augmentation": Augmentation(crop=0.05), "batch_size": 2})
    regions = RegionsAndLabels(world.rows, len(CLASSES), world.proposals, 3)
    assert len(regions([_cropped(0.0, 0.0, 0.01, 0.01)])["rois"]) == 0
    teacher = TEACHER.model_copy(update={"refinements": 2})
    _, curves = train(lambda: TeacherObjective(Wsddn(teacher, len(CLASSES)), teacher), world, regions, tiny)
    assert all(math.isfinite(value) for _, _, value in curves.logged)

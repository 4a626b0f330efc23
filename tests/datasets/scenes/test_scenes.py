import hashlib
import json
import os
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from wsdkd.datasets.params import ScenesDataset
from wsdkd.datasets.scenes.compose import (
    MIN_VISIBLE,
    THEMES,
    Scene,
    class_weights,
    draw_ground,
    draw_scene,
    lay_objects,
)
from wsdkd.datasets.scenes.shapes import CLASSES, SHAPES
from wsdkd.datasets.scenes.write_coco import Job, draw, foreign_file, write_scenes
from wsdkd.ground.workers import map_ordered

SIZE = 192
PARAMS = ScenesDataset(
    format="scenes", root="scenes", train_images=6, val_images=2, test_images=3, side=64, seed=5
)


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def drawn() -> list[tuple[Scene, list[np.ndarray]]]:
    """Scenes with the masks of their objects, from back to front, as they were laid on the canvas."""
    scenes = []
    for index in range(60):
        rng = np.random.default_rng([3, index])
        canvas = draw_ground(rng, SIZE)
        masks = [mask for _, mask in lay_objects(rng, canvas, 0.4)]
        scene = draw_scene(np.random.default_rng([3, index]), SIZE, 0.4)
        np.testing.assert_array_equal(canvas.clip(0, 255).astype(np.uint8), scene.picture)
        scenes.append((scene, masks))
    return scenes


def test_the_same_seed_gives_the_same_bytes_from_any_number_of_workers(tmp_path: Path) -> None:
    write_scenes(tmp_path / "one", PARAMS)
    write_scenes(tmp_path / "two", PARAMS, partial(map_ordered, description="scenes", workers=2))  # type: ignore[arg-type]
    assert _digests(tmp_path / "one") == _digests(tmp_path / "two")
    write_scenes(tmp_path / "other", PARAMS.model_copy(update={"seed": 6}))
    names = [name for name in _digests(tmp_path / "one") if name.endswith(".jpg")]
    assert len(names) == 11
    other = _digests(tmp_path / "other")
    assert all(_digests(tmp_path / "one")[name] != other[name] for name in names)


def test_more_scenes_leave_the_first_ones_alone(tmp_path: Path) -> None:
    write_scenes(tmp_path / "few", PARAMS.model_copy(update={"train_images": 2}))
    write_scenes(tmp_path / "many", PARAMS)
    many = _digests(tmp_path / "many")
    few = {name: digest for name, digest in _digests(tmp_path / "few").items() if name.endswith(".jpg")}
    assert all(many[name] == digest for name, digest in few.items())


def test_max_side_bounds_every_object_and_draws_larger_ones_where_it_is_larger() -> None:
    longest = {}
    for share in (0.15, 0.4):
        scenes = [draw_scene(np.random.default_rng([4, index]), SIZE, share) for index in range(40)]
        boxes = np.array([item.box for scene in scenes for item in scene.objects])
        longest[share] = float((boxes[:, 2:] - boxes[:, :2]).max()) / SIZE
        # A box has whole pixels.
        assert longest[share] <= share + 2 / SIZE
    assert longest[0.4] > 0.3


def test_splits_share_no_scene() -> None:
    assert len({draw(Job(0, split, 0, 64, 0.4))[0] for split in ("train", "val", "test")}) == 3


def test_an_ordinary_coco_dataset(tmp_path: Path) -> None:
    write_scenes(tmp_path, PARAMS)
    for split, count in (("train", 6), ("val", 2), ("test", 3)):
        content = json.loads((tmp_path / f"annotations/instances_{split}.json").read_text())
        assert [category["name"] for category in content["categories"]] == list(CLASSES)
        assert len(content["images"]) == len(list((tmp_path / "images" / split).iterdir())) == count
        known = {image["id"] for image in content["images"]}
        assert all(annotation["image_id"] in known for annotation in content["annotations"])
        for image in content["images"]:
            with Image.open(tmp_path / "images" / split / image["file_name"]) as file:
                assert (file.size, file.format) == ((64, 64), "JPEG")


def test_about_twenty_kinds_of_object() -> None:
    assert len(CLASSES) == 20
    for name, parts in SHAPES.items():
        outline = np.concatenate([part.outline for part in parts if part.solid])
        assert np.abs(outline).max() <= 1.05, name
        assert np.ptp(outline, axis=0).min() > 0.9, name


def test_boxes_are_tight_around_what_is_drawn(drawn: list[tuple[Scene, list[np.ndarray]]]) -> None:
    for scene, masks in drawn:
        assert len(masks) == len(scene.objects)
        for mask, item in zip(masks, scene.objects, strict=True):
            x1, y1, x2, y2 = (int(edge) for edge in item.box)
            assert 0 <= x1 < x2 <= SIZE
            assert 0 <= y1 < y2 <= SIZE
            solid = mask > 0.5
            assert solid[y1:y2, x1:x2].sum() == solid.sum()
            window = solid[y1:y2, x1:x2]
            assert all(edge.any() for edge in (window[0], window[-1], window[:, 0], window[:, -1]))
            assert len(set(item.box)) > 1


def test_objects_are_seen_where_their_masks_are() -> None:
    for index in range(20):
        canvas = np.full((SIZE, SIZE, 3), 128, np.float32)
        laid = lay_objects(np.random.default_rng([2, index]), canvas, 0.4)
        changed = np.abs(canvas - 128).max(axis=2) > 20
        covered = np.max([mask for _, mask in laid], axis=0)
        assert not changed[covered == 0].any()
        assert changed[covered > 0.5].mean() > 0.5


def test_sizes_and_numbers_of_objects(drawn: list[tuple[Scene, list[np.ndarray]]]) -> None:
    counts = [len(scene.objects) for scene, _ in drawn]
    assert min(counts) >= 1
    assert max(counts) <= 6
    assert np.mean(counts) > 2.5
    sides = []
    for scene, _ in drawn:
        for item in scene.objects:
            x1, y1, x2, y2 = item.box
            if min(x1, y1) > 0 and max(x2, y2) < SIZE:  # the frame cuts off nothing
                sides.append(max(x2 - x1, y2 - y1))
    # Two pixels go to thin points that fill no half of a pixel.
    assert min(sides) >= 0.06 * SIZE - 2
    assert max(sides) <= 0.40 * SIZE + 1
    assert np.percentile(sides, 90) > 2.5 * np.percentile(sides, 10)


def test_later_objects_leave_most_of_an_object_in_sight(drawn: list[tuple[Scene, list[np.ndarray]]]) -> None:
    occluded = 0
    for _, masks in drawn:
        for place, mask in enumerate(masks):
            left = mask.copy()
            for later in masks[place + 1 :]:
                left *= 1 - later
            share = left.sum() / mask.sum()
            assert share >= MIN_VISIBLE - 1e-6
            occluded += share < 0.99
    assert occluded > 10


def test_classes_occur_together() -> None:
    weights = class_weights()
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    # Labels of many scenes without drawing them: themes are equally likely.
    rng = np.random.default_rng(0)
    themes = rng.integers(len(weights), size=4000)
    labels = np.zeros((len(themes), len(CLASSES)), bool)
    for row, theme in enumerate(themes):
        labels[row, rng.choice(len(CLASSES), 3, p=weights[theme])] = True
    rates = labels.mean(axis=0)
    together = (labels.T.astype(float) @ labels) / len(labels)
    lift = together / np.outer(rates, rates)
    same = np.equal.outer(np.arange(20) % 5, np.arange(20) % 5) & ~np.eye(20, dtype=bool)
    other = ~np.equal.outer(np.arange(20) % 5, np.arange(20) % 5)
    assert lift[same].mean() > 1.5 > 1 > lift[other].mean()
    assert rates.max() / rates.min() > 2.5


def test_drawn_scenes_show_the_same_dependence() -> None:
    # Of pairs of classes in real scenes, those of one theme are more than their share.
    same = pairs = 0
    for index in range(80):
        found = sorted(
            {item.label for item in draw_scene(np.random.default_rng([8, index]), 64, 0.4).objects}
        )
        for place, first in enumerate(found):
            for second in found[place + 1 :]:
                pairs += 1
                same += first % THEMES == second % THEMES
    by_chance = 3 / 19
    assert same / pairs > 2 * by_chance


def test_opencv_threads_do_not_matter() -> None:
    threads = cv2.getNumThreads()
    try:
        pictures = []
        for count in (1, 2):
            cv2.setNumThreads(count)
            pictures.append(draw(Job(1, "train", 4, 96, 0.4))[0])
        assert pictures[0] == pictures[1]
    finally:
        cv2.setNumThreads(threads)


def test_what_was_not_drawn_is_foreign(tmp_path: Path) -> None:
    folder = tmp_path / "scenes"
    assert foreign_file(folder) is None
    write_scenes(folder, PARAMS)
    assert foreign_file(folder) is None
    picture = next((folder / "images/train").iterdir())
    kept = picture.rename(tmp_path / picture.name)
    picture.symlink_to(kept)  # as DVC may link it into its storage
    assert foreign_file(folder) is None
    for path in (folder / "notes.txt", folder / "images/train/mine.jpg", folder / "annotations/mine.json"):
        path.write_text("mine")
        assert foreign_file(folder) == path
        path.unlink()
    for path in (picture, folder / "annotations/instances_val.json"):
        path.unlink()
        os.mkfifo(path)  # nobody may wait for what it says
        assert foreign_file(folder) == path
        path.unlink()
    (folder / "images/more").symlink_to(tmp_path)
    assert foreign_file(folder) == folder / "images/more"

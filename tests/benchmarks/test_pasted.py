"""Scenes with pasted objects: what is in them, where it is, and from which photographs."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.pasted import SIDE, SPREAD, Scrapbook, write_pasted
from wsdkd.data.annotations import ObjectRow
from wsdkd.data.tables import ImageRow, Split
from wsdkd.datasets.params import AutoDataset
from wsdkd.datasets.prepare import prepare
from wsdkd.ground.errors import UserError

SHARE = 0.2
COLOURS = [(250, 0, 0), (0, 250, 0)]
"""Of the objects of each class; photographs are grey."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Grey photographs, each with an object of either class, and one of both in which they overlap."""
    boxes = {
        "a": [(0, 20, 20, 30, 28)],
        "b": [(1, 10, 30, 20, 42)],
        "c": [(0, 0, 0, 6, 6), (1, 2, 2, 14, 14)],
    }
    folder = tmp_path / "photographs"
    folder.mkdir()
    for name, objects in boxes.items():
        picture = Image.new("RGB", (200, 160), (90, 90, 90))
        for label, x1, y1, x2, y2 in objects:
            picture.paste(COLOURS[label], (x1, y1, x2, y2))
        picture.save(folder / f"{name}.png")
    return folder


def _book(root: Path) -> Scrapbook:
    rows = [ImageRow(name, f"{name}.png", 200, 160, "train", (), (), "") for name in "abc"]
    objects = [
        ObjectRow("a", 0, 20, 20, 30, 28, False, False),
        ObjectRow("b", 1, 10, 30, 20, 42, False, False),
        ObjectRow("c", 0, 0, 0, 6, 6, False, False),
        ObjectRow("c", 1, 2, 2, 14, 14, False, False),
        ObjectRow("elsewhere", 1, 0, 0, 9, 9, False, False),
    ]
    return Scrapbook(rows, objects, root)


def test_what_two_boxes_share_is_not_cut_out(root: Path) -> None:
    found = {(row.image_id, item.label) for row, item in _book(root).cut}
    # Of the larger box in c a ninth belongs to the other one.
    assert found == {("a", 0), ("b", 1)}


def test_boxes_hold_what_they_say_and_patches_hold_no_object(root: Path) -> None:
    book = _book(root)
    for seed in range(12):
        scene = book.scene(np.random.default_rng(seed), SHARE)
        picture = np.asarray(scene.picture).astype(int)
        left = picture.copy()
        assert 1 <= len(scene.objects) <= 3
        for label, (x1, y1, x2, y2) in scene.objects:
            longer = max(x2 - x1, y2 - y1)
            assert SHARE * SIDE * SPREAD[0] - 1 <= longer <= SHARE * SIDE * SPREAD[1] + 1
            assert np.abs(picture[y1:y2, x1:x2] - COLOURS[label]).max() < 9
            left[y1:y2, x1:x2] = 90
        # Neither a patch nor the blurred background shows an object's pure colour.
        assert (np.abs(left[..., None, :] - COLOURS).max(axis=-1) > 20).all()


def test_files_are_a_dataset_whose_splits_share_no_photograph(root: Path, tmp_path: Path) -> None:
    books: dict[Split, Scrapbook] = {"train": _book(root), "test": _book(root)}
    for out in (tmp_path / "one", tmp_path / "other"):
        out.mkdir()
        write_pasted(out, books, ["red", "green"], {"train": 5, "test": 3}, SHARE, seed=1)
    found = prepare(tmp_path / "one", AutoDataset(root=str(tmp_path / "one")))
    assert found.classes == ("red", "green")
    assert not found.rejected
    assert sum(row.split == "test" for row in found.images) == 3
    assert len(found.images) == 8
    content = json.loads((tmp_path / "one/annotations/instances_train.json").read_text())
    assert len(found.objects) >= len(content["annotations"]) > 0
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert all((tmp_path / "one" / f).read_bytes() == (tmp_path / "other" / f).read_bytes() for f in files)


def test_a_dataset_without_boxes_is_refused(root: Path) -> None:
    rows = [ImageRow("a", "a.png", 200, 160, "train", (0,), (), "")]
    with pytest.raises(UserError, match="the dataset needs boxes"):
        Scrapbook(rows, [], root)

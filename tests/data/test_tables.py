import os
import pickle
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wsdkd.data import tables
from wsdkd.data.annotations import OBJECTS_SCHEMA, ObjectRow, read_objects, write_objects
from wsdkd.data.photographs import photographs_folder
from wsdkd.data.tables import (
    IMAGES_SCHEMA,
    ImageRow,
    RowsAt,
    label_counts,
    read_classes,
    read_images,
    targets,
    write_classes,
    write_images,
)
from wsdkd.ground.errors import UserError

ROW = ImageRow("a", "images/a.jpg", 64, 48, "train", (0, 2), (1,), "00ff")
ROWS = [replace(ROW, image_id="b", split="test", labels=(), ignored=()), ROW]
OBJECTS = [ObjectRow("b", 1, 0.5, 1, 2, 3.25, True, False), ObjectRow("a", 0, 0, 0, 64, 48, False, True)]


def test_images_come_back_sorted_and_by_split(tmp_path: Path) -> None:
    path = tmp_path / "images.parquet"
    write_images(path, ROWS)
    assert read_images(path) == ROWS[::-1]
    assert read_images(path, "train") == [ROW]
    assert read_images(path, "val") == []


def test_images_of_several_splits_come_back_together(tmp_path: Path) -> None:
    path = tmp_path / "images.parquet"
    hidden = replace(ROW, image_id="0", split="unlabelled", labels=(), ignored=(0, 1, 2))
    write_images(path, [*ROWS, hidden])
    assert read_images(path, ("train", "unlabelled"), num_classes=3) == [hidden, ROW]
    assert read_images(path, "unlabelled") == [hidden]
    assert targets([hidden], 3)[1].tolist() == [[False] * 3]


@pytest.mark.parametrize(
    ("ignored", "labels", "reason"),
    [((0, 1), (2,), "labels has a class, in split unlabelled"), ((0, 1), (), "ignored lacks classes")],
)
def test_known_classes_of_unlabelled_images_are_refused(
    ignored: tuple[int, ...], labels: tuple[int, ...], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "images.parquet"
    write_images(path, [replace(ROW, split="unlabelled", labels=labels, ignored=ignored)])
    with pytest.raises(UserError, match=f"images.parquet: row 0: {reason}"):
        read_images(path, num_classes=3)


def test_objects_come_back_sorted(tmp_path: Path) -> None:
    path = tmp_path / "objects.parquet"
    write_objects(path, OBJECTS)
    assert list(read_objects(path)) == OBJECTS[::-1]
    assert read_objects(path)[-1] == OBJECTS[0]
    assert read_objects(path)[:1] == OBJECTS[1:]


def test_a_dataset_without_boxes_has_an_empty_table(tmp_path: Path) -> None:
    write_objects(tmp_path / "objects.parquet", [])
    assert not read_objects(tmp_path / "objects.parquet")
    assert list(read_objects(tmp_path / "objects.parquet")) == []


def test_the_same_rows_in_another_order_are_the_same_bytes(tmp_path: Path) -> None:
    for name, order in (("one", 1), ("two", -1)):
        write_images(tmp_path / f"images_{name}", ROWS[::order])
        write_objects(tmp_path / f"objects_{name}", OBJECTS[::order])
    assert (tmp_path / "images_one").read_bytes() == (tmp_path / "images_two").read_bytes()
    assert (tmp_path / "objects_one").read_bytes() == (tmp_path / "objects_two").read_bytes()


def test_targets_tell_absent_from_unknown() -> None:
    labels, known = targets(ROWS, 4)
    assert labels.tolist() == [[0, 0, 0, 0], [1, 0, 1, 0]]
    assert known.tolist() == [[True] * 4, [True, False, True, True]]
    assert labels.dtype == np.float32


@pytest.mark.parametrize(("read", "kind"), [(read_images, "images"), (read_objects, "objects")])
def test_another_file_is_refused_by_name(read: object, kind: str, tmp_path: Path) -> None:
    assert callable(read)
    path = tmp_path / "table.parquet"
    with pytest.raises(UserError, match=r"table.parquet: no such file; run the stage that writes it"):
        read(path)
    path.write_text("no table")
    with pytest.raises(UserError, match=r"table.parquet: not a Parquet table"):
        read(path)
    pq.write_table(pa.table({"image_id": ["a"], "depth": [1]}), path)
    with pytest.raises(UserError, match=f"not a table of {kind}: its columns are image_id, depth"):
        read(path)


def test_classes_come_back_in_order(tmp_path: Path) -> None:
    write_classes(tmp_path / "classes.json", ["zebra", "été"])
    assert read_classes(tmp_path / "classes.json") == ["zebra", "été"]


def test_classes_must_be_those_that_the_images_were_labelled_by(tmp_path: Path) -> None:
    path = tmp_path / "classes.json"
    write_classes(path, ["zebra", "été"])
    write_images(tmp_path / "images.parquet", [], tmp_path / "photographs", ["zebra", "été"])
    assert read_classes(path) == ["zebra", "été"]
    assert photographs_folder(tmp_path / "images.parquet") == tmp_path / "photographs"
    for other in (["zebrb", "été"], ["été", "zebra"]):
        write_classes(path, other)
        with pytest.raises(
            UserError, match=r"classes\.json: not the names that .*images\.parquet was written"
        ):
            read_classes(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[", "not JSON"),
        ('{"a": 1}', "expected a list of class names"),
        ("[1, 2]", "expected a list of class names"),
        ('["a", "a"]', "class 'a' stands in it twice"),
    ],
)
def test_other_classes_are_refused(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "classes.json").write_text(text)
    with pytest.raises(UserError, match=f"classes.json: {reason}"):
        read_classes(tmp_path / "classes.json")


def test_missing_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"classes.json: no such file"):
        read_classes(tmp_path / "classes.json")


def test_a_table_is_the_sequence_of_its_rows(tmp_path: Path) -> None:
    write_images(tmp_path / "images.parquet", ROWS)
    table, rows = read_images(tmp_path / "images.parquet"), sorted(ROWS, key=lambda row: row.image_id)
    assert list(table) == rows
    assert table[-1] == rows[-1]
    assert list(table[1:]) == rows[1:]
    assert list(table[::-1][:1]) == rows[-1:]
    assert pickle.loads(pickle.dumps(table)) == rows
    assert table != rows[:1]
    with pytest.raises(IndexError):
        table[len(rows)]


def test_rows_at_places_are_those() -> None:
    some = RowsAt(ROWS, np.array([1, 0, 1]))
    assert list(some) == [ROWS[1], ROWS[0], ROWS[1]]
    assert list(some[1:]) == [ROWS[0], ROWS[1]]


def test_label_counts_are_those_of_the_targets() -> None:
    assert label_counts(ROWS, 4).tolist() == targets(ROWS, 4)[0].sum(axis=0).tolist()


def changed(rows: list[ImageRow], **columns: list[Any]) -> pa.Table:
    values = {name: [getattr(row, name) for row in rows] for name in IMAGES_SCHEMA.names}
    return pa.table({**values, **columns}, schema=IMAGES_SCHEMA)


@pytest.mark.parametrize(
    ("field", "values", "message"),
    [
        ("image_id", ["a", "a"], "row 1: image_id stands in it twice, or out of order"),
        ("image_id", ["b", "a"], "row 1: image_id stands in it twice, or out of order"),
        ("image_id", [None, "a"], "row 0: image_id is empty"),
        ("width", [64, 0], "row 1: width is below one pixel"),
        ("height", [-1, 5], "row 0: height is below one pixel"),
        ("split", ["train", "Train"], "row 1: split is none of train, val, test"),
        ("labels", [[], [0, 3]], "row 1: labels has a class beyond classes.json, which has 3 names"),
        ("labels", [[-1], []], "row 0: labels has a class beyond classes.json"),
        ("labels", [[], [1, 1]], "row 1: labels has a class twice, or classes out of order"),
        ("labels", [[2, 0], []], "row 0: labels has a class twice, or classes out of order"),
        ("labels", [[], None], "row 1: labels is empty"),
        ("labels", [[], [None]], "row 1: labels has an empty place"),
        ("ignored", [[], [3]], "row 1: ignored has a class beyond classes.json"),
        ("ignored", [[1], [0, 1]], "row 1: ignored has a class of labels too"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_file_row_and_field(
    tmp_path: Path, field: str, values: list[Any], message: str
) -> None:
    path = tmp_path / "images.parquet"
    rows = [replace(ROW, ignored=()), replace(ROW, image_id="b", labels=(0,), ignored=())]
    pq.write_table(changed(rows, **{field: values}), path)
    with pytest.raises(
        UserError, match=rf"^{path}: {message}[^\n]*; run the stage that writes it: dvc repro$"
    ):
        read_images(path, "test", num_classes=3)


def test_rows_are_compared_across_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "images.parquet"
    rows = [replace(ROW, image_id=name) for name in "abccd"]
    pq.write_table(changed(rows), path)
    for size in (1, 2, 3, 9):
        monkeypatch.setattr(tables, "BATCH_ROWS", size)
        with pytest.raises(UserError, match="row 3: image_id stands in it twice"):
            read_images(path)


def test_labels_of_as_many_classes_as_there_may_be(tmp_path: Path) -> None:
    path = tmp_path / "images.parquet"
    rows = [replace(ROW, labels=(0, 32767)), replace(ROW, image_id="b", labels=(0,), ignored=(32767,))]
    write_images(path, rows)
    assert read_images(path, num_classes=32768) == rows


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("x1", 65.0, "row 1: x1 lies beyond x2, or one of them is no number"),
        ("x2", float("nan"), "row 1: x1 lies beyond x2, or one of them is no number"),
        ("y1", float("-inf"), "row 1: y1 lies beyond y2, or one of them is no number"),
        ("label", 7, "row 1: label is beyond classes.json"),
        ("label", -1, "row 1: label is beyond classes.json"),
        ("crowd", None, "row 1: crowd is empty"),
    ],
)
def test_an_object_that_cannot_be_is_refused_with_file_row_and_field(
    tmp_path: Path, field: str, value: Any, message: str
) -> None:
    path = tmp_path / "objects.parquet"
    write_objects(path, [OBJECTS[1], OBJECTS[1]])
    columns = pq.read_table(path).to_pydict()
    columns[field][1] = value
    pq.write_table(pa.table(columns, schema=OBJECTS_SCHEMA), path)
    with pytest.raises(UserError, match=rf"^{path}: {message}; run the stage that writes it: dvc repro$"):
        read_objects(path, num_classes=7)


@pytest.mark.parametrize("kind", ["images", "objects"])
def test_no_single_damaged_bit_changes_what_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "table.parquet"
    names = [f"{number:03d}" for number in range(60)]
    rows = [replace(ROW, image_id=name, digest=f"{ord(name[-1]) ** 40:064x}"[:64]) for name in names]
    read: Callable[[Path], Sequence[Any]] = read_images
    if kind == "images":
        write_images(path, rows)
    else:
        write_objects(path, [replace(OBJECTS[1], image_id=name, x2=float(name) + 1) for name in names])
        read = read_objects
    whole, expected = path.read_bytes(), list(read(path))
    refusals = []
    for place in random.Random(0).sample(range(8 * len(whole)), 600):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            assert list(read(path)) == expected, place
        except UserError as error:
            refusals.append(str(error))
    assert len(refusals) > 300
    assert all(re.fullmatch(rf"{path}: .*", line) for line in refusals)


@pytest.mark.parametrize("read", [read_images, read_objects, read_classes])
def test_only_files_are_opened(tmp_path: Path, read: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match=r"pipe: a pipe, where a file should be"):
        read(tmp_path / "pipe")
    with pytest.raises(UserError, match=r"a folder, where a file should be"):
        read(tmp_path)
    with pytest.raises(UserError, match=r"/dev/null: a device, where a file should be"):
        read(Path("/dev/null"))

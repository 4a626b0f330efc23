import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wsdkd.data.annotations import ObjectRow, read_objects, write_objects
from wsdkd.data.tables import (
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
    with pytest.raises(UserError, match=r"table.parquet: not a Parquet file"):
        read(path)
    pq.write_table(pa.table({"image_id": ["a"], "depth": [1]}), path)
    with pytest.raises(UserError, match=f"not a table of {kind}: its columns are image_id, depth"):
        read(path)


def test_classes_come_back_in_order(tmp_path: Path) -> None:
    write_classes(tmp_path / "classes.json", ["zebra", "été"])
    assert read_classes(tmp_path / "classes.json") == ["zebra", "été"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[", "not JSON"),
        ('{"a": 1}', "expected a list of class names"),
        ("[1, 2]", "expected a list of class names"),
        ('["a", "a"]', "a class name stands in it twice"),
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

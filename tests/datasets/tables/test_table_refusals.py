"""Rows and tables that are refused or listed, each with what is wrong."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.datasets.tables.small_tables import labels_of, params, write
from wsdkd.datasets.reading.rejections import DatasetError, Rejection
from wsdkd.datasets.tables.read import read_table


@pytest.mark.parametrize(
    ("row", "path", "reason"),
    [
        ("b.jpg,cat,", "b.jpg", "row 2: split '' is not train, val or test"),
        ("b.jpg,cat;;cat,train", "b.jpg", "row 2: labels ['cat', '', 'cat'] are not names"),
        ("b.jpg,cat", "", "row 2: 2 cells, but the head has 3"),
        ("b.jpg,cat,train,more", "", "row 2: 4 cells, but the head has 3"),
        (",cat,train", "", "row 2: path '' is not a path"),
    ],
)
def test_a_bad_row_is_listed(row: str, path: str, reason: str, tmp_path: Path) -> None:
    write(tmp_path, f"path,labels,split\na.jpg,cat,train\n{row}\nc.jpg,dog;cat,train\n")
    reading = read_table(tmp_path, params())
    assert [record.path for record in reading.images] == ["a.jpg", "c.jpg"]
    assert reading.rejected == (Rejection("image", path, path, reason),)


def test_empty_cells_behind_a_row_are_no_cells(tmp_path: Path) -> None:
    write(tmp_path, "path;labels\na.jpg;cat;;\n;;;\nb.jpg;dog;;\n")
    assert labels_of(read_table(tmp_path, params())) == {"a.jpg": ("cat",), "b.jpg": ("dog",)}


def test_a_label_outside_of_the_classes_rejects_its_image_or_is_dropped(tmp_path: Path) -> None:
    write(tmp_path, "path,labels,split\na.jpg,cat,train\nb.jpg,cat;catt,train\n")
    reading = read_table(tmp_path, params(classes=("cat",)))
    assert reading.rejected == (Rejection("image", "b.jpg", "b.jpg", "label 'catt' is not a class"),)
    dropped = read_table(tmp_path, params(classes=("cat",), other_labels="drop"))
    assert labels_of(dropped) == {"a.jpg": ("cat",), "b.jpg": ("cat",)}


def test_numbers_as_names_stand_in_the_order_of_numbers(tmp_path: Path) -> None:
    write(tmp_path, "path,labels\na.jpg,10\nb.jpg,9\n")
    assert read_table(tmp_path, params()).classes == ("9", "10")


def test_labels_of_parquet_that_are_missing_or_no_names_are_listed(tmp_path: Path) -> None:
    for labels, reason in (
        ([["cat"], None], "row 2: no labels (null); an image of none of the classes has empty ones"),
        ([["cat"], ["cat", None]], "row 2: labels ['cat', None] are not names"),
    ):
        columns = {"path": ["a.jpg", "b.jpg"], "labels": labels, "split": ["train", "test"]}
        pq.write_table(pa.table(columns), tmp_path / "labels.parquet")
        rejected = read_table(tmp_path, params(file="labels.parquet")).rejected
        assert rejected == (Rejection("image", "b.jpg", "b.jpg", reason),)


def test_a_missing_column_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "path,tags\na.jpg,cat\n")
    for changes in ({"labels_column": "labels"}, {"split_column": "labels"}, {"group_column": "labels"}):
        with pytest.raises(DatasetError, match=r"labels.csv: no column 'labels' in it, but path, tags$"):
            read_table(tmp_path, params(**changes))


def test_one_name_for_two_columns_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "path,labels, labels\na.jpg,cat,dog\n")
    with pytest.raises(
        DatasetError, match=r"labels.csv: columns 2 and 3 are both named 'labels'; rename one"
    ):
        read_table(tmp_path, params())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "labels.csv: an empty file"),
        (b"path,labels,split\n", "labels.csv: no label in any row"),
        (b"path,labels,split\na.jpg,,train\nb.jpg,,x\n", "labels.csv: column 'split' holds 'x'"),
        (b'path,labels,split\n"a.jpg,cat,train\n', "labels.csv: not text separated by commas"),
    ],
)
def test_another_file_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=reason):
        read_table(tmp_path, params(split_column="split"))


def test_a_file_that_is_no_table_says_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("path,labels\n")
    with pytest.raises(
        DatasetError, match=r"labels.csv: no such file; dataset.file names it, here are train.csv"
    ):
        read_table(tmp_path, params())
    with pytest.raises(DatasetError, match=r"labels.parquet: no such file"):
        read_table(tmp_path, params(file="labels.parquet"))
    (tmp_path / "labels.parquet").write_text("path,labels\n")
    with pytest.raises(DatasetError, match=r"labels.parquet: not a Parquet file"):
        read_table(tmp_path, params(file="labels.parquet"))
    (tmp_path / "labels.xlsx").write_text("PK")
    with pytest.raises(DatasetError, match=r"labels.xlsx: a workbook; save its sheet as CSV"):
        read_table(tmp_path, params(file="labels.xlsx"))


def test_pictures_in_the_table_are_no_paths_and_stand_in_no_message(tmp_path: Path) -> None:
    columns = {"image": [{"bytes": b"\xff\xd8" * 999, "path": "a.jpg"}], "labels": [["cat"]]}
    pq.write_table(pa.table(columns), tmp_path / "labels.parquet")
    for changes in ({}, {"path_column": "image"}):
        with pytest.raises(
            DatasetError, match=r"column 'image' holds pictures, not paths; see dataset.format"
        ):
            read_table(tmp_path, params(file="labels.parquet", **changes))

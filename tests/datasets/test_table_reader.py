from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wsdkd.datasets.params import TableDataset
from wsdkd.datasets.records import DatasetError, ImageRecord, Rejection
from wsdkd.datasets.table import read_table


def params(**changes: Any) -> TableDataset:
    return TableDataset(format="table", root="r", **changes)


def write(folder: Path, text: str) -> None:
    (folder / "labels.csv").write_text(text)


def test_a_row_is_an_image(tmp_path: Path) -> None:
    write(tmp_path, "path,labels,split\na.jpg,dog; cat,train\n./b/../b.jpg,,test\n")
    reading = read_table(tmp_path, params())
    assert reading.classes == ("cat", "dog")
    assert reading.images == (
        ImageRecord("a.jpg", "a.jpg", "train", (0, 1)),
        ImageRecord("b.jpg", "b.jpg", "test", ()),
    )


def test_columns_separator_and_classes_have_names(tmp_path: Path) -> None:
    write(tmp_path, '\ufefffile,tags,what\n"a, b.jpg",dog|cat,val\n')
    reading = read_table(
        tmp_path,
        params(
            path_column="file",
            labels_column="tags",
            split_column="what",
            separator="|",
            classes=("dog", "cow", "cat"),
        ),
    )
    assert reading.classes == ("dog", "cow", "cat")
    assert reading.images == (ImageRecord("a, b.jpg", "a, b.jpg", "val", (0, 2)),)


@pytest.mark.parametrize("labels", [[["dog", "cat"], []], ["dog;cat", ""]])
def test_parquet_takes_lists_and_text(labels: list[Any], tmp_path: Path) -> None:
    columns = {"path": ["a.jpg", "b.jpg"], "labels": labels, "split": ["train", "test"]}
    pq.write_table(pa.table(columns), tmp_path / "labels.parquet")
    reading = read_table(tmp_path, params(file="labels.parquet"))
    assert reading.rejected == ()
    assert [record.labels for record in reading.images] == [(0, 1), ()]


def test_without_a_split_column_all_images_are_of_train_till_some_are_set_aside(tmp_path: Path) -> None:
    write(tmp_path, "path,labels\na.jpg,cat\nb.jpg,dog\n")
    reading = read_table(tmp_path, params(split_column=None))
    assert [record.split for record in reading.images] == ["train", "train"]


@pytest.mark.parametrize(
    ("row", "path", "reason"),
    [
        ("b.jpg,cat,valid", "b.jpg", "row 2: split 'valid' is not train, val or test"),
        ("b.jpg,cat,", "b.jpg", "row 2: split '' is not train, val or test"),
        ("b.jpg,cat;;cat,train", "b.jpg", "row 2: labels ['cat', '', 'cat'] are not names"),
        ("b.jpg,cat", "", "row 2: 2 cells, but the head has 3"),
        ("b.jpg,cat,train,more", "", "row 2: 4 cells, but the head has 3"),
        (",cat,train", "", "row 2: path '' is not a path"),
    ],
)
def test_a_bad_row_is_listed(row: str, path: str, reason: str, tmp_path: Path) -> None:
    write(tmp_path, f"path,labels,split\na.jpg,cat,train\n{row}\n")
    reading = read_table(tmp_path, params())
    assert [record.path for record in reading.images] == ["a.jpg"]
    assert reading.rejected == (Rejection("image", path, path, reason),)


def test_a_label_outside_of_the_classes_rejects_its_image(tmp_path: Path) -> None:
    write(tmp_path, "path,labels,split\na.jpg,cat,train\nb.jpg,cat;catt,train\n")
    reading = read_table(tmp_path, params(classes=("cat",)))
    assert reading.rejected == (Rejection("image", "b.jpg", "b.jpg", "label 'catt' is not a class"),)


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
    with pytest.raises(DatasetError, match=r"labels.csv: no column 'labels' in it, but path, tags$"):
        read_table(tmp_path, params())
    with pytest.raises(DatasetError, match=r"no column 'split' .* dataset.split_column: null sets"):
        read_table(tmp_path, params(labels_column="tags"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "labels.csv: an empty file"),
        (b"path,labels,split\n", "labels.csv: no label in column 'labels' of any row"),
        (b'path,labels,split\n"a.jpg,cat,train\n', "labels.csv: not CSV"),
        (b"path,labels,split\n\xe9.jpg,cat,train\n", "labels.csv: not UTF-8 text"),
    ],
)
def test_another_file_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=reason):
        read_table(tmp_path, params())


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"labels.parquet: no such file"):
        read_table(tmp_path, params(file="labels.parquet"))
    (tmp_path / "labels.parquet").write_text("path,labels\n")
    with pytest.raises(DatasetError, match=r"labels.parquet: not a Parquet file"):
        read_table(tmp_path, params(file="labels.parquet"))

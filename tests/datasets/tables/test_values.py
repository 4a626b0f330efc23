"""A row a label, with a column that says whether the label is there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.datasets.conftest import Files
from tests.datasets.neighbours import assert_labels, labels_of, read, write_csv
from wsdkd.datasets.params import TableDataset
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.tables.read import read_table

NAMES = ("cat", "cow", "dog")


def write(files: Files, root: Path, head: tuple[str, ...], value: Callable[[bool], object]) -> None:
    """A row for each picture and each class, whether it is there or not."""
    rows = [
        (path, name, value(name in labels_of(number)))
        for number, path in enumerate(files("p{}.jpg"))
        for name in NAMES
    ]
    write_csv(root / "t.csv", [head, *rows])


@pytest.mark.parametrize(
    ("head", "yes", "no"),
    [
        (("image", "label", "value"), 1, 0),
        (("ImageID", "LabelName", "Confidence"), "1.0", "0.0"),
        (("filename", "attribute", "present"), "yes", "no"),
        (("ImageId", "class", "EncodedPixels"), "1 3 10 5", ""),
    ],
)
def test_a_label_that_is_said_not_to_be_there_is_absent(
    head: tuple[str, ...], yes: object, no: object, files: Files, tmp_path: Path
) -> None:
    write(files, tmp_path, head, lambda there: yes if there else no)
    assert_labels(read(tmp_path))


def test_what_is_uncertain_is_ignored(files: Files, tmp_path: Path) -> None:
    path, other = files("p{}.jpg")[:2]
    rows = [(path, "cat", 1), (path, "dog", -1), (other, "cat", 0), (other, "dog", 1)]
    write_csv(tmp_path / "t.csv", [("image", "label", "value"), *rows])
    reading = read_table(tmp_path, TableDataset(format="table", root="r", file="t.csv"))
    assert [(record.labels, record.ignored) for record in reading.images] == [((0,), (1,)), ((1,), ())]


def test_probabilities_are_refused_until_all_rows_are_said_to_count(files: Files, tmp_path: Path) -> None:
    write(files, tmp_path, ("image", "label", "confidence"), lambda there: 0.9 if there else 0.1)
    with pytest.raises(DatasetError, match=r"column 'confidence' holds numbers such as .*value_column: null"):
        read(tmp_path)
    params = TableDataset(format="table", root="r", file="t.csv", value_column=None)
    assert {record.labels for record in read_table(tmp_path, params).images} == {(0, 1, 2)}


@pytest.mark.parametrize("named", ["score", "positive"])
def test_other_columns_of_such_names_are_none(named: str, files: Files, tmp_path: Path) -> None:
    rows = [(path, "|".join(labels_of(number)), 5.5 + number) for number, path in enumerate(files("p{}.jpg"))]
    write_csv(tmp_path / "t.csv", [("image", "labels", named), *rows])
    assert_labels(read(tmp_path))
    flags = [(path, number % 2, (number + 1) % 2) for number, (path, *_) in enumerate(rows)]
    write_csv(tmp_path / "t.csv", [("image", "negative", named), *flags])
    assert read(tmp_path).classes == ("negative", named)

"""Tables as strangers' scripts and spreadsheets leave them: read as meant, or refused with what to do."""

from pathlib import Path

import pytest

from tests.datasets.conftest import Files
from tests.datasets.neighbours import assert_labels, labels_of, read, write_csv
from wsdkd.datasets.reading.rejections import DatasetError


@pytest.mark.parametrize(
    ("files_are", "table_says"),
    [("{}.jpeg", "{}.jpg"), ("{}.jpg", "{}.JPEG"), ("images/{}.jpg", "{}.0"), ("images/{}.jpg", "{}")],
)
def test_pictures_that_a_table_names_otherwise(
    files_are: str, table_says: str, files: Files, tmp_path: Path
) -> None:
    files(files_are)
    rows = [(table_says.format(number), "|".join(labels_of(number))) for number in range(12)]
    write_csv(tmp_path / "t.csv", [("id", "labels"), *rows])
    assert_labels(read(tmp_path))


def test_a_delimiter_behind_the_last_cell_of_each_row(files: Files, tmp_path: Path) -> None:
    rows = [(path, "|".join(labels_of(number)), "") for number, path in enumerate(files("p{}.jpg"))]
    write_csv(tmp_path / "t.csv", [("image", "labels"), *rows])
    assert_labels(read(tmp_path))


def test_numbers_of_classes_beside_outlines(files: Files, tmp_path: Path) -> None:
    rows = [(path, 1 + number % 3, "1 3 10 5") for number, path in enumerate(files("p{}.jpg"))]
    write_csv(tmp_path / "t.csv", [("ImageId", "ClassId", "EncodedPixels"), *rows])
    assert read(tmp_path).classes == ("1", "2", "3")


@pytest.mark.parametrize("cell", ["0.7", "3"])
def test_shares_and_counts_in_columns_of_classes_are_refused_with_one_of_them(
    cell: str, files: Files, tmp_path: Path
) -> None:
    rows = [(path, cell, 0) for path in files("p{}.jpg")]
    write_csv(tmp_path / "t.csv", [("image", "cat", "dog"), *rows, ("p0.jpg", 0, cell)])
    with pytest.raises(DatasetError, match=f"cells such as '{cell}' are neither 1 nor 0: write these"):
        read(tmp_path)


@pytest.mark.parametrize("word", ["no dog", "not_dog", "Non-dog"])
def test_a_label_beside_its_opposite_is_said(word: str, files: Files, tmp_path: Path) -> None:
    rows = [(path, ("dog", word, "cat")[number % 3]) for number, path in enumerate(files("p{}.jpg"))]
    write_csv(tmp_path / "t.csv", [("image", "labels"), *rows])
    prepared = read(tmp_path)
    assert word in prepared.classes
    assert f"labels such as {word!r} beside 'dog' are taken as classes of their own" in " ".join(
        prepared.notes
    )

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


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_folds_of_cross_validation_are_neither_classes_nor_splits(
    folds: int, files: Files, tmp_path: Path
) -> None:
    names = ("cat", "cow", "dog")
    rows = [
        (path, *(int(name in labels_of(number)) for name in names), number % folds)
        for number, path in enumerate(files("p{}.jpg"))
    ]
    write_csv(tmp_path / "t.csv", [("image", *names, "fold"), *rows])
    prepared = read(tmp_path)
    assert_labels(prepared)
    assert prepared.classes == names
    assert "splits in column" not in " ".join(prepared.notes)


@pytest.mark.parametrize("cross", ["x", "1"])
def test_where_no_cell_says_that_a_class_is_absent_an_empty_one_does(
    cross: str, files: Files, tmp_path: Path
) -> None:
    names = ("cat", "cow", "dog")
    rows = [
        (path, *(cross if name in labels_of(number) else "" for name in names))
        for number, path in enumerate(files("p{}.jpg"))
    ]
    write_csv(tmp_path / "t.csv", [("image", *names), *rows])
    prepared = read(tmp_path)
    assert_labels(prepared)
    assert not any(row.ignored for row in prepared.images)
    assert "an empty cell is absent" in prepared.notes[1]


@pytest.mark.parametrize("head", [("label", "class_name"), ("labels", "tag"), ("class_id", "label_name")])
def test_names_are_taken_before_their_numbers(head: tuple[str, str], files: Files, tmp_path: Path) -> None:
    names = ("cat", "cow", "dog")
    paths = files("p{}.jpg")
    told = [(paths[n], name) for n in range(12) for name in labels_of(n)]
    rows = [(path, names.index(name), name) for path, name in told]
    write_csv(tmp_path / "t.csv", [("image", *head), *rows])
    assert read(tmp_path).classes == names
    # Words that are no names of the numbers are something else.
    rows = [(path, names.index(name), f"w{place % 5}") for place, (path, name) in enumerate(told)]
    write_csv(tmp_path / "t.csv", [("image", "labels", "tag"), *rows])
    assert read(tmp_path).classes == ("0", "1", "2")


def test_names_with_boxes_in_a_cell_are_refused(files: Files, tmp_path: Path) -> None:
    rows = [(path, f"n0{number % 3} 1 2 30 {number % 2}") for number, path in enumerate(files("p{}.jpg"))]
    write_csv(tmp_path / "t.csv", [("ImageId", "PredictionString"), *rows])
    with pytest.raises(DatasetError, match=r"labels such as 'n00 1 2 30 0' hold the numbers of boxes"):
        read(tmp_path)


def test_pictures_that_no_row_names_are_left_out_with_a_word(files: Files, tmp_path: Path) -> None:
    # A row an object, in a folder a split: what holds no object has no row.
    rows = [[("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax")] for _ in range(3)]
    folders = ("train", "valid", "test")
    for number, path in enumerate(files("train/p{}.jpg")):
        split = 0 if number < 8 else 1 if number < 10 else 2
        name = Path(path).name
        (tmp_path / folders[split]).mkdir(exist_ok=True)
        (tmp_path / path).rename(tmp_path / folders[split] / name)
        rows[split] += [(name, 60, 40, label, 1, 2, 30, 35) for label in labels_of(number)]
    for folder, each in zip(folders, rows, strict=True):
        write_csv(tmp_path / folder / "_annotations.csv", each)
    prepared = read(tmp_path)
    assert {row.path for row in prepared.images if row.split == "test"} == {"test/p10.jpg", "test/p11.jpg"}
    assert all(
        [prepared.classes[label] for label in row.labels]
        == labels_of(int("".join(filter(str.isdigit, row.path))))
        for row in prepared.images
    )
    (left,) = [note for note in prepared.notes if "in no row" in note]
    assert "2 pictures in no row, and left out: train/p3.jpg, valid/p9.jpg" in left

"""Files of labels beside pictures, as YOLO, KITTI, DOTA, LabelMe and Supervisely write them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.datasets.conftest import Files
from tests.datasets.neighbours import assert_labels, labels_of, read
from wsdkd.datasets.folders.lines import holds_a_box, label_before_box

NAMES = ("dog", "cat", "cow")


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("0 0.5 0.5 0.2 0.2", "0"),
        ("2,0.5,0.5,0.2,0.2", "2"),
        ("7.0 .5 .5 1e-2 0.2 0.93", "7"),
        ("1 40 30 20 20", "1"),
        ("traffic light 0.5 0.5 0.2 0.2", "traffic light"),
        ("Car 0.00 0 -1.57 1 1 20 20 1.5 1.6 3.9 1.0 1.5 8.4 -1.5", "Car"),
        ("1.0 1.0 9.0 1.0 9.0 9.0 1.0 9.0 ship 0", "ship"),
        ("0.5 0.5 0.2 0.2", None),
        ("1 1 9 9 some words", None),
    ],
)
def test_the_label_of_a_line_with_a_box(line: str, label: str | None) -> None:
    assert holds_a_box(line)
    assert label_before_box(line) == label


@pytest.mark.parametrize("line", ["cat", "cat 2", "0 3 5 7 9", "12 angry men", "1 2"])
def test_a_line_without_a_box(line: str) -> None:
    assert not holds_a_box(line)


@pytest.mark.parametrize(
    ("pictures", "texts", "line"),
    [
        (
            "training/image_2/{}.jpg",
            "training/label_2/{}.txt",
            "{name} 0.00 0 -1.57 1.0 1.0 20.0 20.0 1.5 1.6",
        ),
        ("Images/{}.jpg", "Labels/{}.txt", "{number} 0.5 0.5 0.2 0.2"),
        ("img/{}.jpg", "labelTxt/{}.txt", "1.0 1.0 9.0 1.0 9.0 9.0 1.0 9.0 {name} 0"),
        ("p{}.jpg", "p{}.txt", "{number}.0,0.5,0.5,0.2,0.2"),
        ("images/{}.jpg", "labels/{}.txt", "{number}"),
    ],
    ids=["KITTI", "other cases of letters", "DOTA", "commas", "numbers without boxes"],
)
def test_text_files(pictures: str, texts: str, line: str, files: Files, tmp_path: Path) -> None:
    files(pictures)
    for number in range(12):
        path = tmp_path / texts.format(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [line.format(name=name, number=NAMES.index(name)) for name in labels_of(number)]
        path.write_text("\n".join(["gsd:0.1", *lines] if "Txt" in texts else lines))
    (path.parent / "classes.txt").write_text("\n".join(NAMES))
    assert_labels(read(tmp_path))


@pytest.mark.parametrize(
    ("pictures", "texts", "written"),
    [
        (
            "ds1/img/{}.jpg",
            "ds1/ann/{}.jpg.json",
            lambda names: {"objects": [{"classTitle": name} for name in names], "tags": [{"name": "train"}]},
        ),
        (
            "img/{}.jpg",
            "ann/{}.jpg.json",
            lambda names: {"objects": [], "tags": [{"name": name} for name in names]},
        ),
        ("images/{}.jpg", "images/{}.json", lambda names: {"id": 7, "labels": names}),
    ],
    ids=["Supervisely's objects", "Supervisely's tags", "labels under a usual key"],
)
def test_json_files(
    pictures: str, texts: str, written: Callable[[list[str]], object], files: Files, tmp_path: Path
) -> None:
    files(pictures)
    for number in range(12):
        path = tmp_path / texts.format(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(written(labels_of(number))))
    (tmp_path / "meta.json").write_text('{"classes": [], "tags": []}')
    assert_labels(read(tmp_path))


def test_files_of_labels_are_no_lists_of_classes(files: Files, tmp_path: Path) -> None:
    for number, path in enumerate(files("label_{}.jpg")):
        lines = [f"{NAMES.index(name)} 0.5 0.5 0.2 0.2" for name in labels_of(number)]
        (tmp_path / path).with_suffix(".txt").write_text("\n".join(lines))
    assert read(tmp_path).classes == ("0", "1", "2")

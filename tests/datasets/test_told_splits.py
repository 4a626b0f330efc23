"""Splits that files beside a dataset tell: lists of pictures, and the YAML of YOLO's tools."""

from pathlib import Path

import pytest

from tests.datasets.conftest import Files
from tests.datasets.neighbours import assert_labels, labels_of, read, write_csv
from wsdkd.datasets.prepare import Prepared
from wsdkd.datasets.reading.told_splits import told_splits

NAMES = ("cat", "cow", "dog")


def split_of(prepared: Prepared, split: str) -> list[int]:
    return sorted(int(Path(row.path).stem.strip("p")) for row in prepared.images if row.split == split)


def write_boxes(root: Path, paths: list[str]) -> None:
    for number, path in enumerate(paths):
        text = root / path.replace("images", "labels").replace(".jpg", ".txt")
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text("".join(f"{NAMES.index(name)} 0.5 0.5 0.2 0.2\n" for name in labels_of(number)))


def test_lists_of_yolo(files: Files, tmp_path: Path) -> None:
    paths = files("images/p{}.jpg")
    write_boxes(tmp_path, paths)
    (tmp_path / "data.yaml").write_text("train: train.txt\nval: val.txt\nnames: [cat, cow, dog]\n")
    (tmp_path / "train.txt").write_text("".join(f"./{path}\n" for path in paths[:9]))
    (tmp_path / "val.txt").write_text("".join(f"./{path}\n" for path in paths[9:]))
    prepared = read(tmp_path)
    assert_labels(prepared)
    assert split_of(prepared, "val") == [9, 10, 11]
    assert prepared.notes[0].endswith("splits by train.txt, val.txt")


def test_folders_that_the_yaml_names(files: Files, tmp_path: Path) -> None:
    paths = files("images/p{}.jpg")
    moved = [f"{'site_a' if number < 8 else 'site_b'}/{path}" for number, path in enumerate(paths)]
    for path, to in zip(paths, moved, strict=True):
        (tmp_path / to).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).rename(tmp_path / to)
    write_boxes(tmp_path, moved)
    text = "train: ../site_a/images\nval: ../site_b/images\ntest:\nnames: [cat, cow, dog]\n"
    (tmp_path / "data.yaml").write_text(text)
    prepared = read(tmp_path)
    assert_labels(prepared)
    assert split_of(prepared, "val") == [8, 9, 10, 11]


def test_lists_beside_a_table(files: Files, tmp_path: Path) -> None:
    paths = files("images_001/images/p{}.jpg")
    rows = [(Path(path).name, "|".join(labels_of(number)), 1) for number, path in enumerate(paths)]
    write_csv(tmp_path / "Data_Entry_2017.csv", [("Image Index", "Finding Labels", "Age"), *rows])
    (tmp_path / "train_val_list.txt").write_text("".join(f"{name}\n" for name, *_ in rows[:8]))
    (tmp_path / "test_list.txt").write_text("".join(f"{name}\n" for name, *_ in rows[8:]))
    prepared = read(tmp_path)
    assert_labels(prepared)
    assert split_of(prepared, "test") == [8, 9, 10, 11]
    # A column of splits says so already.
    words = [(*row[:2], "test" if number < 4 else "train") for number, row in enumerate(rows)]
    write_csv(tmp_path / "Data_Entry_2017.csv", [("Image Index", "Finding Labels", "split"), *words])
    assert split_of(read(tmp_path), "test") == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "texts",
    [
        {"train.txt": "1.jpg\n"},
        {"train.txt": "1.jpg\n", "trainval.txt": "1.jpg\n2.jpg\n", "test.txt": "3.jpg\n"},
        {"train.txt": "1.jpg 0\n", "test.txt": "2.jpg 1\n"},
        {"train.txt": "far.jpg\n", "test.txt": "2.jpg\n"},
        {"data.yaml": "train: train/images\nval: valid/images\nnames: [cat]\n"},
        {"data.yaml": "train: images\nval: images\nnames: [cat]\n"},
        {"conf.yaml": "train: a\nval: b\n"},
        {"data.yaml": "names: ["},
    ],
)
def test_what_tells_no_splits(texts: dict[str, str], tmp_path: Path) -> None:
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    assert told_splits(tmp_path, list(texts), ["1.jpg", "2.jpg", "3.jpg"]) == {}

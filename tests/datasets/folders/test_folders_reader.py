from pathlib import Path
from typing import Any

import pytest

from wsdkd.datasets.folders.read import read_folders
from wsdkd.datasets.params import FoldersDataset
from wsdkd.datasets.reading.records import Reading
from wsdkd.datasets.reading.rejections import Cause, DatasetError


def read(root: Path, **changes: Any) -> Reading:
    return read_folders(root, FoldersDataset(format="folders", root="r", **changes))


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def write(root: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".jpg").touch()
        path.with_suffix(".txt").write_text(text)


def told(reading: Reading) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {
        record.path: (record.split, tuple(reading.classes[place] for place in record.labels))
        for record in reading.images
    }


def test_a_folder_is_a_class(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.jpg", "cat/old/2.PNG", "dog/1.jpg", "dog/notes.md", "dog/._1.jpg", "3.jpg")
    reading = read(tmp_path)
    assert told(reading) == {
        "cat/1.jpg": ("train", ("cat",)),
        "cat/old/2.PNG": ("train", ("cat",)),
        "dog/1.jpg": ("train", ("dog",)),
    }
    assert [(item.path, item.reason, item.cause) for item in reading.rejected] == [
        ("3.jpg", "in no folder of a class", Cause.UNANNOTATED)
    ]


@pytest.mark.parametrize("around", ["", "set/", "set/images/"])
def test_folders_of_splits_may_stand_above_or_below_the_classes(around: str, tmp_path: Path) -> None:
    touch(
        tmp_path / "a",
        *(f"{around}{split}/{name}/1.jpg" for split in ("Train", "valid", "test2") for name in "xy"),
    )
    touch(
        tmp_path / "b",
        *(f"{around}{name}/{split}/1.jpg" for split in ("Train", "valid", "test2") for name in "xy"),
    )
    for folder in ("a", "b"):
        found = sorted(told(read(tmp_path / folder)).values())
        assert found == sorted((split, (name,)) for split in ("train", "val", "test") for name in "xy")


def test_a_train_may_be_a_class_and_other_folders_beside_splits_are_not(tmp_path: Path) -> None:
    touch(tmp_path / "a", "train/1.jpg", "car/2.jpg")
    assert read(tmp_path / "a").classes == ("car", "train")
    touch(tmp_path / "b", "train/x/1.jpg", "test/x/2.jpg", "more/y/3.jpg")
    with pytest.raises(DatasetError, match=r"test, train mean splits, but more .* \{'more': unused\}"):
        read(tmp_path / "b")
    reading = read(tmp_path / "b", split_names={"more": "unused"})
    assert sorted(told(reading)) == ["test/x/2.jpg", "train/x/1.jpg"]


def test_a_text_file_beside_each_picture(tmp_path: Path) -> None:
    write(tmp_path, train__a="cat\n dog \n\n", train__b="", val__c="['dog', 'sea']", test__d="cat")
    reading = read(tmp_path)
    assert told(reading) == {
        "train/a.jpg": ("train", ("cat", "dog")),
        "train/b.jpg": ("train", ()),
        "val/c.jpg": ("val", ("dog", "sea")),
        "test/d.jpg": ("test", ("cat",)),
    }
    assert "labels in files beside them" in reading.notes[0]


def test_labels_may_be_said_to_be_folders_in_spite_of_text_files(tmp_path: Path) -> None:
    write(tmp_path, cat__a="a caption", dog__b="another one")
    assert read(tmp_path, labels="folders").classes == ("cat", "dog")


def test_a_line_may_hold_several_labels(tmp_path: Path) -> None:
    write(tmp_path, a="cat;dog", b="dog;sea", c="sea")
    assert told(read(tmp_path))["a.jpg"] == ("train", ("cat", "dog"))


def test_a_picture_without_a_text_file_is_rejected_or_empty(tmp_path: Path) -> None:
    write(tmp_path, a="cat", b="dog")
    touch(tmp_path, "c.jpg")
    reading = read(tmp_path)
    assert [(item.path, item.cause) for item in reading.rejected] == [("c.jpg", Cause.UNANNOTATED)]
    assert "dataset.unannotated: empty" in reading.rejected[0].reason
    assert told(read(tmp_path, unannotated="empty"))["c.jpg"] == ("train", ())


def test_labels_of_yolo_stand_in_a_folder_of_their_own(tmp_path: Path) -> None:
    touch(tmp_path, "images/train/a.jpg", "images/train/b.jpg", "images/val/c.jpg")
    for name, text in {
        "train/a": "1 0.5 0.5 0.2 0.2\n0 .1 .1 1e-2 .1\n1 0.2 0.2 0.1 0.1\n",
        "train/b": "",
        "val/c": "0 0.5 0.5 0.2 0.2\n",
    }.items():
        path = tmp_path / "labels" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    numbers = read(tmp_path)
    assert numbers.classes == ("0", "1")
    assert "with boxes, as YOLO writes them, which are not read" in numbers.notes[0]
    for name, text in {
        "classes.txt": "dog\ncat\n",
        "data.yaml": "names: [dog, cat]\nnc: 2\n",
        "dataset.yaml": "names:\n  0: dog\n  1: cat\n",
    }.items():
        (tmp_path / name).write_text(text)
        reading = read(tmp_path)
        assert reading.classes == ("dog", "cat")
        assert told(reading) == {
            "images/train/a.jpg": ("train", ("dog", "cat")),
            "images/train/b.jpg": ("train", ()),
            "images/val/c.jpg": ("val", ("dog",)),
        }
        (tmp_path / name).unlink()
    (tmp_path / "labels/val/c.txt").write_text("0 0.5 0.5 0.2 0.2\nno object\n")
    reading = read(tmp_path)
    assert [item.path for item in reading.rejected] == ["images/val/c.jpg"]
    assert "line 'no object' of its text file is no class with a box" in reading.rejected[0].reason
    (tmp_path / "data.yaml").write_text("nc: 2\n")
    with pytest.raises(DatasetError, match=r"data.yaml: no list of names in it"):
        read(tmp_path)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "a.txt")
    for changes in ({}, {"images": "missing"}):
        with pytest.raises(DatasetError, match=r"no picture in it; see dataset.root and dataset.images"):
            read(tmp_path, **changes)


def test_a_text_file_of_another_encoding_is_told(tmp_path: Path) -> None:
    write(tmp_path, a="cat", b="dog")
    (tmp_path / "b.txt").write_bytes("Bär".encode("cp1252"))
    reading = read(tmp_path)
    assert told(reading)["b.jpg"] == ("train", ("Bär",))
    assert "not UTF-8, and read as Windows-1252: b.txt" in reading.notes[0]

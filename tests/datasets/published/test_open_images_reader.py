import os
from pathlib import Path
from typing import Any

import pytest

from wsdkd.datasets.params import OpenImagesDataset
from wsdkd.datasets.published.open_images import read_open_images
from wsdkd.datasets.reading.records import Reading
from wsdkd.datasets.reading.rejections import DatasetError

HEAD = "ImageID,Source,LabelName,Confidence\n"


def read(root: Path, **changes: Any) -> Reading:
    return read_open_images(root, OpenImagesDataset(format="open_images", root="r", **changes))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("train/a.jpg", "train/b.jpg", "validation/c.jpg", "test/d.jpg", "more/a.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "oidv6-train-annotations-human-imagelabels.csv").write_text(
        f"{HEAD}a,verification,/m/1,1\na,verification,/m/2,0\nb,crowdsource,/m/2,1\n"
        "zz,verification,/m/9,1\nb,machine,/m/1,0.7\n"
    )
    (tmp_path / "validation-annotations-human-imagelabels.csv").write_text(f"{HEAD}c,verification,/m/3,1.0\n")
    (tmp_path / "test-annotations-human-imagelabels.csv").write_text(f"{HEAD}d,verification,/m/3,0\n")
    (tmp_path / "oidv7-class-descriptions.csv").write_text(
        'LabelName,DisplayName\n/m/1,Cat\n/m/2,"Dog, wild"\n'
    )
    (tmp_path / "train-images-boxable.csv").write_text("ImageID,Subset\n")
    return tmp_path


def test_what_is_not_verified_is_unknown(root: Path) -> None:
    reading = read(root)
    assert reading.classes == ("/m/3", "Cat", "Dog, wild")
    assert [(record.path, record.split, record.labels, record.ignored) for record in reading.images] == [
        ("train/a.jpg", "train", (1,), (0,)),  # the dog is known to be absent
        ("train/b.jpg", "train", (2,), (0, 1)),
        ("validation/c.jpg", "val", (0,), (1, 2)),
        ("test/d.jpg", "test", (), (1, 2)),
    ]
    assert "4 of their images are here, 1 are not; 2 names of classes" in reading.notes[0]


def test_what_is_not_mentioned_may_count_as_absent(root: Path) -> None:
    reading = read(root, unlisted="negative", uncertain="negative")
    assert {record.ignored for record in reading.images} == {()}


def test_some_classes_may_be_chosen(root: Path) -> None:
    reading = read(root, classes=("Cat", "Dog, wild"), other_labels="drop")
    assert [record.labels for record in reading.images] == [(0,), (1,), (), ()]


def test_two_sources_that_contradict_each_other(root: Path) -> None:
    with (root / "oidv6-train-annotations-human-imagelabels.csv").open("a") as file:
        file.write("a,crowdsource,/m/1,0\na,crowdsource,/m/2,0\n")
    assert read(root).images[0].ignored == (0,)  # the cat is in no image any more, so no class
    reading = read(root, contradictions="reject")
    assert [(item.path, item.reason) for item in reading.rejected] == [
        ("train/a.jpg", "rows contradict each other: 'Cat'")
    ]


def test_two_classes_of_one_name_stay_apart(root: Path) -> None:
    (root / "oidv7-class-descriptions.csv").write_text("/m/1,Cat\n/m/2,Cat\n")
    assert read(root).classes == ("/m/3", "Cat (/m/1)", "Cat (/m/2)")


def test_what_is_not_of_open_images_is_refused(root: Path) -> None:
    path = root / "test-annotations-human-imagelabels.csv"
    path.write_text("ImageID,Label\n")
    with pytest.raises(DatasetError, match=r"columns .'ImageID', 'Label'., expected ImageID,"):
        read(root)
    path.write_text(f"{HEAD}d,verification,/m/3,0\nd,verification,/m/3,yes\n")
    with pytest.raises(DatasetError, match=r"test-annotations.*: row 2 is no ImageID, LabelName, Conf"):
        read(root)
    for each in root.rglob("*.jpg"):
        each.unlink()
    path.unlink()
    with pytest.raises(DatasetError, match=r"none of the 4 images of .* is here as ID.jpg"):
        read(root)
    with pytest.raises(DatasetError, match=r"no file such as train-annotations-human-imagelabels.csv"):
        read(root / "train")


def test_a_name_that_was_cut_in_two_is_refused(root: Path) -> None:
    path = root / "oidv7-class-descriptions.csv"
    path.write_text(path.read_text().replace("Dog, wild", "Dog").replace("/m/2,", "/m/2\n"))
    with pytest.raises(DatasetError, match=r"class-descriptions\.csv: row 3: \['/m/2'\] is no class and its"):
        read(root)


def test_a_pipe_with_the_name_of_a_file_of_labels_is_not_passed_over(root: Path) -> None:
    path = root / "test-annotations-human-imagelabels.csv"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DatasetError, match=r"test-annotations.*: a pipe, where a file should be"):
        read(root)


def test_classes_that_the_descriptions_lack_are_told(root: Path) -> None:
    assert "2 names of classes; without a name: /m/3" in read(root).notes[0]

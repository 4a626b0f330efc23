"""Pascal VOC as tools and archives have it, each layout through the whole of prepare."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsdkd.datasets.params import VocDataset
from wsdkd.datasets.prepare import Prepared, prepare
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.voc.read import read_voc

Picture = Callable[..., Path]
Write = Callable[..., None]
BOX = (1, 1, 10, 20)


def params(**changes: Any) -> VocDataset:
    return VocDataset(format="voc", root="r", **changes)


def read(root: Path, **changes: Any) -> Prepared:
    return prepare(root, params(**changes), workers=1)


def by_split(prepared: Prepared) -> dict[str, list[str]]:
    return {
        split: sorted(row.path for row in prepared.images if row.split == split)
        for split in ("train", "val", "test")
    }


def xml(root: Path, path: str, *names: str, filename: str = "") -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    objects = "".join(f"<object><name>{name}</name></object>" for name in names)
    file.write_text(f"<annotation><filename>{filename}</filename>{objects}</annotation>")


def test_xml_beside_pictures_in_a_folder_a_split(tmp_path: Path, picture: Picture) -> None:
    for folder, count in (("train", 4), ("valid", 2), ("test", 2)):
        for number in range(count):
            picture(f"{folder}/{number}.jpg")
            xml(tmp_path, f"{folder}/{number}.xml", ("cat", "dog")[number % 2])
    prepared = read(tmp_path)
    assert by_split(prepared) == {
        "train": [f"train/{number}.jpg" for number in range(4)],
        "val": ["valid/0.jpg", "valid/1.jpg"],
        "test": ["test/0.jpg", "test/1.jpg"],
    }
    assert prepared.images[0].image_id == "test/0"
    assert [row.labels for row in prepared.images if row.split == "val"] == [(0,), (1,)]
    assert prepared.notes[0] == "VOC: 8 XML files in folders without ImageSets (4 train, 2 val, 2 test)"


def test_folders_of_xml_and_pictures_within_a_split(tmp_path: Path, picture: Picture) -> None:
    for split in ("train", "val", "test"):
        for number in range(2):  # the same names in every split
            picture(f"{split}/images/{number}.png")
            xml(tmp_path, f"{split}/annotations/{number}.xml", "cat")
    assert by_split(read(tmp_path)) == {
        split: [f"{split}/images/0.png", f"{split}/images/1.png"] for split in ("train", "val", "test")
    }


def test_without_any_split_fractions_are_set_aside(tmp_path: Path, picture: Picture) -> None:
    for number in range(20):
        picture(f"JPEGImages/{number}.jpg")
        xml(tmp_path, f"Annotations/{number}.xml", ("cat", "dog")[number % 2])
    splits = by_split(read(tmp_path, test_fraction=0.2, validation_fraction=0.2))
    assert sum(map(len, splits.values())) == 20
    assert all(len(paths) >= 2 for paths in splits.values())


def test_pictures_without_xml_among_annotated_ones(tmp_path: Path, picture: Picture) -> None:
    for number in range(4):
        picture(f"train/{number}.jpg")
        xml(tmp_path, f"train/{number}.xml", ("cat", "dog")[number % 2])
    picture("train/none.jpg")
    picture("docs/logo.png")  # no XML beside it: not of the dataset
    rejected = read(tmp_path).rejected_images
    assert [(item.path, item.reason) for item in rejected] == [
        (
            "train/none.jpg",
            "train/none.xml: no such file; dataset.unannotated: empty takes it as an image of none of the "
            "classes",
        )
    ]
    prepared = read(tmp_path, unannotated="empty")
    assert prepared.rejected_images == ()
    assert [row.labels for row in prepared.images if row.path == "train/none.jpg"] == [()]


def test_an_xml_without_its_picture_is_listed(tmp_path: Path, picture: Picture) -> None:
    picture("train/a.jpg")
    xml(tmp_path, "train/a.xml", "cat")
    xml(tmp_path, "train/b.xml", "dog")
    assert [(item.path, item.reason) for item in read(tmp_path).rejected_images] == [
        ("train/b.jpg", "cannot be read: No such file or directory")
    ]


def test_a_folder_without_any_xml_is_refused_in_words(tmp_path: Path, picture: Picture) -> None:
    picture("train/a.jpg")
    with pytest.raises(DatasetError, match=r"no ImageSets folder and no XML file in it; the layouts of VOC"):
        read(tmp_path)


@pytest.fixture
def lists(tmp_path: Path, picture: Picture) -> Path:
    folder = tmp_path / "ImageSets" / "Main"
    folder.mkdir(parents=True)
    for image_id in ("a", "b", "c", "d"):
        picture(f"JPEGImages/{image_id}.jpg")
    (folder / "cat_trainval.txt").write_text("a  1\nb -1\nc  0\n")
    (folder / "dog_trainval.txt").write_text("a -1\nb  1\n")
    (folder / "cat_test.txt").write_text("d 1\n")
    (folder / "dog_test.txt").write_text("d 0\n")
    (folder / "trainval.txt").write_text("a\nb\nc\n")
    return tmp_path


@pytest.mark.parametrize(
    ("difficult", "c", "d"),
    [
        ("ignored", ((), (0, 1)), ((0,), (1,))),
        ("positive", ((0,), (1,)), ((0, 1), ())),
        ("negative", ((), (1,)), ((0,), ())),
    ],
)
def test_lists_of_a_class_take_the_place_of_xml(difficult: str, c: object, d: object, lists: Path) -> None:
    # c is difficult for cat, and no list of dog mentions it: nobody knows.
    reading = read_voc(lists, params(difficult=difficult))
    assert reading.classes == ("cat", "dog")
    found = {record.image_id: (record.split, record.labels, record.ignored) for record in reading.images}
    assert found["a"] == ("train", (0,), ())
    assert found["b"] == ("train", (1,), ())
    assert found["c"][1:] == c
    assert (found["d"][0], found["d"][1:]) == ("test", d)
    assert reading.notes == (
        "VOC: lists of 2 classes in ImageSets, sets trainval (train), test (test); no boxes",
    )


def test_a_line_that_is_no_label_is_refused_by_its_number(lists: Path) -> None:
    (lists / "ImageSets" / "Main" / "dog_test.txt").write_text("d 0\n\nwhat\n")
    with pytest.raises(DatasetError, match=r"dog_test.txt: line 3 is 'what', expected an id and 1, -1 or 0$"):
        read_voc(lists, params())


def test_a_parameter_chooses_the_lists_where_there_is_xml(lists: Path, voc_image: Write) -> None:
    for image_id in ("a", "b", "c", "d"):
        voc_image(image_id, ("cow", 0, BOX))
    (lists / "ImageSets" / "Main" / "test.txt").write_text("d\n")
    assert read_voc(lists, params()).classes == ("cow",)
    assert read_voc(lists, params(layout="class_lists")).classes == ("cat", "dog")


@pytest.mark.parametrize("name", ["a.bmp", "a.webp", "a.tif", "a.Jpg", "a.jfif", "a.JPEG", "a.PNG", "a.gif"])
def test_any_suffix_of_a_picture_in_any_case(
    name: str, tmp_path: Path, voc_image: Write, voc_sets: Write
) -> None:
    voc_image("a", ("cat", 0, BOX))
    (tmp_path / "JPEGImages" / "a.jpg").rename(tmp_path / "JPEGImages" / name)
    voc_sets(["a"], [])
    assert read_voc(tmp_path, params()).images[0].path == f"JPEGImages/{name}"


def test_of_two_suffixes_the_one_that_the_annotation_names(tmp_path: Path, picture: Picture) -> None:
    for name in ("train/a.jpg", "train/a.png", "train/b.jpg", "train/b.png"):
        picture(name)
    xml(tmp_path, "train/a.xml", "cat", filename="C:\\pictures\\a.png")
    xml(tmp_path, "train/b.xml", "cat", filename="elsewhere.jpg")
    reading = read_voc(tmp_path, params())
    assert [record.path for record in reading.images] == ["train/a.png", "train/b.jpg"]
    warnings = [item for item in reading.rejected if item.kind == "warning"]
    assert [(item.kind, item.path, item.reason) for item in warnings] == [
        ("warning", "train/b.jpg", "there is train/b.png too, and the annotation names neither")
    ]


@pytest.mark.parametrize("lines", ["a.jpg\nb.jpg\n", "a 1\nb -1\n", "  a  \r\n\r\nb\r\n", "\ufeffa\nb\n"])
def test_image_sets_as_people_write_them(
    lines: str, tmp_path: Path, voc_image: Write, voc_sets: Write
) -> None:
    voc_image("a", ("cat", 0, BOX))
    voc_image("b", ("dog", 0, BOX))
    voc_sets([], [])
    (tmp_path / "ImageSets" / "Main" / "trainval.txt").write_text(lines, encoding="utf-8", newline="")
    assert [record.image_id for record in read_voc(tmp_path, params()).images] == ["a", "b"]


def test_without_a_test_set_some_images_are_set_aside(
    tmp_path: Path, voc_image: Write, voc_sets: Write
) -> None:
    ids = [f"{number}" for number in range(12)]
    for image_id in ids:
        voc_image(image_id, (("cat", "dog")[int(image_id) % 2], 0, BOX))
    voc_sets(ids, [])
    (tmp_path / "ImageSets" / "Main" / "test.txt").unlink()
    with pytest.raises(DatasetError, match=r"there: trainval; dataset.test_set: null sets dataset.test_frac"):
        read(tmp_path)
    splits = by_split(read(tmp_path, test_set=None))
    assert all(splits.values())

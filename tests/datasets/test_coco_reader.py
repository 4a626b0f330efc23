from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsdkd.datasets.coco import Part, parts_of, read_coco
from wsdkd.datasets.params import CocoDataset, ScenesDataset
from wsdkd.datasets.records import DatasetError, ImageRecord, ObjectRecord, Rejection

Content = dict[str, list[dict[str, Any]]]
Write = Callable[[str, object], None]

TRAIN = Part("train", "train.json", "pictures")
TEST = Part("test", "test.json", "others")


def test_categories_become_classes_in_the_order_of_their_ids(
    tmp_path: Path, coco_content: Content, write_json: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write_json("train.json", coco_content)
    reading = read_coco(tmp_path, [TRAIN])
    assert reading.classes == ("cat", "dog")
    assert reading.rejected == ()
    objects = (
        ObjectRecord(1, (10, 5, 30, 35)),
        ObjectRecord(0, (0, 0, 5.5, 6), crowd=True),
    )
    assert reading.images == (
        ImageRecord("pictures/a.jpg", "pictures/a.jpg", "train", (0, 1), (), objects, (60, 40)),
        ImageRecord("pictures/b.jpg", "pictures/b.jpg", "train", (), (), (), (60, 40)),
    )
    assert capsys.readouterr().out == ""


def test_unlabelled_images_are_dropped_by_name_alone(
    tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    write_json("train.json", coco_content)
    kept, dropped = read_coco(tmp_path, [TRAIN]), read_coco(tmp_path, [TRAIN], "drop")
    assert (len(kept.images), kept.dropped) == (2, 0)
    assert ([record.path for record in dropped.images], dropped.dropped) == (["pictures/a.jpg"], 1)


def test_the_same_name_in_two_folders_is_two_images(
    tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    write_json("train.json", coco_content)
    write_json("test.json", coco_content)
    ids = [record.image_id for record in read_coco(tmp_path, [TRAIN, TEST]).images]
    assert ids == ["pictures/a.jpg", "pictures/b.jpg", "others/a.jpg", "others/b.jpg"]


def test_a_category_that_is_not_listed_rejects_its_image(
    tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    coco_content["annotations"][1]["category_id"] = 91
    write_json("train.json", coco_content)
    reading = read_coco(tmp_path, [TRAIN])
    assert [record.path for record in reading.images] == ["pictures/b.jpg"]
    reason = "label 91 is not a class"
    assert reading.rejected == (Rejection("image", "pictures/a.jpg", "pictures/a.jpg", reason),)


def test_an_id_of_two_images_rejects_both(tmp_path: Path, coco_content: Content, write_json: Write) -> None:
    coco_content["images"][1]["id"] = 1
    write_json("train.json", coco_content)
    reading = read_coco(tmp_path, [TRAIN])
    assert reading.images == ()
    assert {item.reason for item in reading.rejected} == {"train.json: the id 1 stands for 2 images"}
    assert [item.path for item in reading.rejected] == ["pictures/a.jpg", "pictures/b.jpg"]


def test_annotations_of_no_image_are_listed(tmp_path: Path, coco_content: Content, write_json: Write) -> None:
    for note in coco_content["annotations"]:
        note["image_id"] = 99
    write_json("train.json", coco_content)
    reading = read_coco(tmp_path, [TRAIN])
    assert len(reading.images) == 2
    reason = "train.json: 2 annotations of image 99, which it does not list"
    assert reading.rejected == (Rejection("object", "", "", reason),)


@pytest.mark.parametrize("bbox", [None, [1, 2, 3], ["a", 1, 2, 3], 5])
def test_an_object_without_a_box_is_listed_and_its_label_kept(
    bbox: object, tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    coco_content["annotations"][0]["bbox"] = bbox
    write_json("train.json", coco_content)
    reading = read_coco(tmp_path, [TRAIN])
    assert reading.images[0].labels == (0, 1)
    assert [item.label for item in reading.images[0].objects] == [0]
    reason = "annotation 1: no bbox of four numbers"
    assert reading.rejected == (Rejection("object", "pictures/a.jpg", "pictures/a.jpg", reason),)


@pytest.mark.parametrize(
    ("section", "key"), [("images", "file_name"), ("annotations", "image_id"), ("categories", "name")]
)
def test_an_entry_without_a_key_is_refused(
    section: str, key: str, tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    del coco_content[section][1][key]
    write_json("train.json", coco_content)
    with pytest.raises(DatasetError, match=rf'train.json: {section}\[1\] has no "{key}"'):
        read_coco(tmp_path, [TRAIN])


@pytest.mark.parametrize("content", [[], {}, {"images": [], "annotations": [], "categories": None}])
def test_another_file_is_refused(content: object, tmp_path: Path, write_json: Write) -> None:
    write_json("train.json", content)
    with pytest.raises(DatasetError, match=r'train.json: no list "categories" in it; is it an instances'):
        read_coco(tmp_path, [TRAIN])


def test_what_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text('{"images": [')
    with pytest.raises(DatasetError, match=r"train.json: not JSON: "):
        read_coco(tmp_path, [TRAIN])
    (tmp_path / "train.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(DatasetError, match=r"train.json: not UTF-8 text"):
        read_coco(tmp_path, [TRAIN])


def test_a_missing_file_is_refused_and_a_missing_root_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"train.json: no such file$"):
        read_coco(tmp_path, [TRAIN])
    with pytest.raises(DatasetError, match=r"no such file; dataset.root: .*nowhere is not a folder"):
        read_coco(tmp_path / "nowhere", [TRAIN])


def test_two_files_with_other_categories_are_refused(
    tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    write_json("train.json", coco_content)
    coco_content["categories"][0]["name"] = "wolf"
    write_json("test.json", coco_content)
    with pytest.raises(DatasetError, match=r"test.json: its categories are not those of .*train.json"):
        read_coco(tmp_path, [TRAIN, TEST])


@pytest.mark.parametrize("key", ["id", "name"])
def test_a_category_that_stands_twice_is_refused(
    key: str, tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    coco_content["categories"][0][key] = coco_content["categories"][1][key]
    write_json("train.json", coco_content)
    with pytest.raises(DatasetError, match=r"a category's id or name stands in it twice"):
        read_coco(tmp_path, [TRAIN])


def test_parts_follow_the_parameters() -> None:
    coco = CocoDataset(format="coco", root="r")
    assert [(part.split, part.images) for part in parts_of(coco)] == [
        ("train", "train2014"),
        ("test", "val2014"),
    ]
    whole = CocoDataset(format="coco", root="r", val_annotations="v.json", val_images="v")
    assert [part.split for part in parts_of(whole)] == ["train", "val", "test"]
    scenes = parts_of(ScenesDataset(format="scenes", root="r"))
    assert scenes[1] == Part("val", "annotations/instances_val.json", "images/val")

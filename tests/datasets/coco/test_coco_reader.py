from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsdkd.datasets.coco.layouts import Part
from wsdkd.datasets.coco.read import read_coco
from wsdkd.datasets.reading.records import ImageRecord, ObjectRecord
from wsdkd.datasets.reading.rejections import Cause, DatasetError, Rejection

Content = dict[str, list[dict[str, Any]]]


Write = Callable[[str, object], None]


TRAIN = Part("train", "train.json", "pictures")


TEST = Part("test", "test.json", "others")


SIZE = (60, 40)


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
        ImageRecord("pictures/a.jpg", "pictures/a.jpg", "train", (0, 1), (), objects, SIZE, None, "pictures"),
        ImageRecord("pictures/b.jpg", "pictures/b.jpg", "train", (), (), (), SIZE, None, "pictures"),
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
    coco_content["annotations"][0]["image_id"] = 99
    write_json("train.json", coco_content)
    reading = read_coco(tmp_path, [TRAIN])
    assert [record.labels for record in reading.images] == [(0,), ()]
    reason = "train.json: 1 annotations of image 99, which it does not list"
    assert reading.rejected == (Rejection("object", "", "", reason),)


@pytest.mark.parametrize("as_written", [str, float, lambda number: f" {number} "])
def test_ids_are_compared_as_what_they_mean(
    as_written: Callable[[int], object], tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    write_json("train.json", coco_content)
    expected = read_coco(tmp_path, [TRAIN])
    for note in coco_content["annotations"]:
        note["image_id"] = as_written(note["image_id"])
        note["category_id"] = as_written(note["category_id"])
    write_json("train.json", coco_content)
    assert read_coco(tmp_path, [TRAIN]) == expected


def test_annotations_most_of_which_name_no_image_are_refused_with_both_values(
    tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    for note in coco_content["annotations"]:
        note["image_id"] = "000001"
    write_json("train.json", coco_content)
    message = (
        r"train.json: 2 of 2 annotations name an image that it does not list: image_id '000001', while "
        r"images have the ids 1, 2; correct the one or the other"
    )
    with pytest.raises(DatasetError, match=message):
        read_coco(tmp_path, [TRAIN])


@pytest.mark.parametrize(
    ("section", "key"), [("images", "id"), ("annotations", "image_id"), ("categories", "id")]
)
@pytest.mark.parametrize("value", [None, True, 1.5, [1], {"a": 1}])
def test_what_is_no_id_is_refused_by_its_place(
    value: object, section: str, key: str, tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    coco_content[section][1][key] = value
    write_json("train.json", coco_content)
    with pytest.raises(DatasetError, match=rf'train.json: {section}\[1\], "{key}": .* is no id, which is a'):
        read_coco(tmp_path, [TRAIN])


@pytest.mark.parametrize(
    ("word", "crowd"), [("0", False), ("1", True), ("false", False), (None, False), (True, True), (1.0, True)]
)
def test_crowds_are_read_as_tools_write_them(
    word: object, crowd: bool, tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    coco_content["annotations"][0]["iscrowd"] = word
    write_json("train.json", coco_content)
    reading = read_coco(tmp_path, [TRAIN])
    assert reading.images[0].objects[0].crowd is crowd
    assert reading.rejected == ()


def test_another_word_for_a_crowd_is_a_warning(
    tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    coco_content["annotations"][0]["iscrowd"] = "perhaps"
    write_json("train.json", coco_content)
    (warning,) = read_coco(tmp_path, [TRAIN]).rejected
    assert (warning.kind, warning.cause) == ("warning", Cause.UNKNOWN_WORD)
    assert warning.reason == "annotation 1: iscrowd is 'perhaps', expected 0 or 1"


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (60.0, 40.0, SIZE),
        ("60", "40", SIZE),
        (0, 0, None),
        (None, 40, None),
        (1e400, 5, None),
        ([], {}, None),
    ],
)
def test_sizes_are_read_as_tools_write_them(
    width: object, height: object, size: object, tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    coco_content["images"][0].update(width=width, height=height)
    write_json("train.json", coco_content)
    assert read_coco(tmp_path, [TRAIN]).images[0].annotated_size == size


def test_backslashes_are_read_as_slashes(tmp_path: Path, coco_content: Content, write_json: Write) -> None:
    coco_content["images"][0]["file_name"] = "sub\\a.jpg"
    write_json("train.json", coco_content)
    assert read_coco(tmp_path, [TRAIN]).images[0].path == "pictures/sub/a.jpg"


@pytest.mark.parametrize("name", [None, 5, "", "  ", ["a.jpg"]])
def test_an_image_without_a_file_name_is_listed(
    name: object, tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    coco_content["images"][1]["file_name"] = name
    write_json("train.json", coco_content)
    reading = read_coco(tmp_path, [TRAIN])
    assert [record.path for record in reading.images] == ["pictures/a.jpg"]
    assert reading.rejected[0].reason.startswith("train.json: image 2: file_name is ")


@pytest.mark.parametrize("bbox", [None, [1, 2, 3], ["a", 1, 2, 3], 5, [10**400, 1, 2, 3]])
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


def test_json_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text("[" * 200_000)
    with pytest.raises(DatasetError, match=r"train.json: not JSON"):
        read_coco(tmp_path, [TRAIN])


def test_what_was_listed_till_then_goes_with_a_refusal(
    tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    coco_content["annotations"][1]["category_id"] = 91
    write_json("train.json", coco_content)
    with pytest.raises(DatasetError, match="no such file") as refusal:
        read_coco(tmp_path, [TRAIN, TEST])
    assert [item.cause for item in refusal.value.rejected] == [Cause.NOT_A_CLASS]

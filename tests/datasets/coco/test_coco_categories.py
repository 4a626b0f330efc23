"""Categories of COCO files: which become classes, over files of different tools."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest

from wsdkd.datasets.coco.layouts import Part
from wsdkd.datasets.coco.read import read_coco
from wsdkd.datasets.reading.rejections import DatasetError

Content = dict[str, list[dict[str, Any]]]


Write = Callable[[str, object], None]


TRAIN = Part("train", "train.json", "pictures")


TEST = Part("test", "test.json", "others")


def other_file(content: Content) -> Content:
    """A copy of a file, to be changed."""
    copy: Content = json.loads(json.dumps(content))
    return copy


def test_categories_of_a_subset_or_with_other_numbers_are_matched_by_name(
    tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    write_json("train.json", coco_content)
    subset = other_file(coco_content)
    subset["categories"] = [{"id": 1, "name": "dog"}]
    subset["annotations"] = [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}]
    write_json("test.json", subset)
    reading = read_coco(tmp_path, [TRAIN, TEST])
    assert reading.classes == ("cat", "dog")
    test = [record for record in reading.images if record.split == "test"]
    assert [record.labels for record in test] == [(1,), ()]
    assert [item.label for item in test[0].objects] == [1]


def test_a_category_that_the_training_file_lacks_is_refused_by_name(
    tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    write_json("train.json", coco_content)
    other = other_file(coco_content)
    other["categories"][0]["name"] = "wolf"
    write_json("test.json", other)
    message = (
        r"test.json: 1 annotations of the category 'wolf', which .*train.json does not list \(cat, dog\); "
    )
    with pytest.raises(DatasetError, match=rf"{message}correct its name, or .* dataset.leave_out: \[wolf\]$"):
        read_coco(tmp_path, [TRAIN, TEST])
    reading = read_coco(tmp_path, [TRAIN, TEST], leave_out=["wolf"])
    assert reading.classes == ("cat", "dog")
    test = [record for record in reading.images if record.split == "test"]
    assert [(record.labels, len(record.objects)) for record in test] == [((0,), 1), ((), 0)]


def test_a_category_of_a_later_file_that_nothing_is_annotated_with_is_no_class(
    tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    write_json("train.json", coco_content)
    other = other_file(coco_content)
    other["categories"].append({"id": 50, "name": "wolf"})
    write_json("test.json", other)
    reading = read_coco(tmp_path, [TRAIN, TEST])
    assert reading.classes == ("cat", "dog")
    assert reading.notes[1].startswith("left out: 'wolf', not in ")


@pytest.mark.parametrize(("root_name", "classes"), [("pets", ("cat", "dog")), ("cat", ("cat", "dog"))])
def test_a_root_category_that_nothing_is_annotated_with_is_no_class(
    root_name: str, classes: tuple[str, ...], tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    for category in coco_content["categories"]:
        category["supercategory"] = root_name
    coco_content["categories"].insert(0, {"id": 0, "name": root_name, "supercategory": "none"})
    write_json("train.json", coco_content)
    reading = read_coco(tmp_path, [TRAIN])
    assert reading.classes == classes
    assert reading.images[0].labels == (0, 1)
    assert root_name in reading.notes[1]


def test_a_category_above_others_that_is_annotated_is_a_class(
    tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    coco_content["categories"][0]["supercategory"] = "cat"
    write_json("train.json", coco_content)
    assert read_coco(tmp_path, [TRAIN]).classes == ("cat", "dog")


def test_a_category_without_annotations_or_others_below_is_a_class(
    tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    coco_content["categories"].append({"id": 9, "name": "wolf", "supercategory": "wolf"})
    write_json("train.json", coco_content)
    assert read_coco(tmp_path, [TRAIN]).classes == ("cat", "dog", "wolf")


@pytest.mark.parametrize("name", ["cat", "cafe\u0301"])
def test_categories_of_one_name_are_one_class(
    name: str, tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    first, second = coco_content["categories"]
    first["name"], second["name"] = name, normalize("NFC", name)
    write_json("train.json", coco_content)
    reading = read_coco(tmp_path, [TRAIN])
    assert reading.classes == (normalize("NFC", name),)
    assert reading.images[0].labels == (0,)
    assert reading.notes[1].endswith(
        f"categories 3, 7 are all named {normalize('NFC', name)!r} and are one class"
    )


def test_a_category_listed_twice_is_one_and_an_id_of_two_names_is_refused(
    tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    coco_content["categories"].append({"id": "3", "name": "cat"})
    write_json("train.json", coco_content)
    assert read_coco(tmp_path, [TRAIN]).classes == ("cat", "dog")
    coco_content["categories"][-1]["name"] = "cow"
    write_json("train.json", coco_content)
    with pytest.raises(DatasetError, match=r"the category id 3 stands for 'cat' and for 'cow'$"):
        read_coco(tmp_path, [TRAIN])


def test_a_name_to_leave_out_that_there_is_not_is_refused(
    tmp_path: Path, coco_content: Content, write_json: Write
) -> None:
    write_json("train.json", coco_content)
    with pytest.raises(DatasetError, match=r"^dataset.leave_out: 'cow' is no category; there are cat, dog$"):
        read_coco(tmp_path, [TRAIN], leave_out=["cow"])

"""Which COCO files of a folder are read, by parameters or by their usual names."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from wsdkd.datasets.coco.layouts import Part, parts_of
from wsdkd.datasets.params import CocoDataset, ScenesDataset
from wsdkd.datasets.reading.rejections import DatasetError

Write = Callable[[str, object], None]


def test_parts_follow_the_parameters(tmp_path: Path) -> None:
    for name in ("t.json", "v.json", "x.json"):
        (tmp_path / name).write_text("{}")
    coco = CocoDataset(
        format="coco", root="r", train_annotations="t.json", train_images="a", test_annotations="x.json"
    )
    assert parts_of(tmp_path, coco) == [Part("train", "t.json", "a"), Part("test", "x.json", "")]
    scenes = parts_of(tmp_path, ScenesDataset(format="scenes", root="r"))
    assert scenes[1] == Part("val", "annotations/instances_val.json", "images/val")


AUTO = CocoDataset(format="coco", root="r")


@pytest.mark.parametrize(
    ("files", "folders", "parts"),
    [
        (
            ["annotations/instances_train2014.json", "annotations/instances_val2014.json"],
            ["train2014", "val2014"],
            [("train", "train2014"), ("test", "val2014")],
        ),
        (
            ["annotations/instances_train2017.json", "annotations/instances_val2017.json"],
            ["images/train2017", "images/val2017"],
            [("train", "images/train2017"), ("test", "images/val2017")],
        ),
        (
            [f"annotations/instances_{split}.json" for split in ("train", "val", "test")],
            ["images/train", "images/val", "images/test"],
            [("train", "images/train"), ("val", "images/val"), ("test", "images/test")],
        ),
        (
            [f"{split}/_annotations.coco.json" for split in ("train", "valid", "test")],
            [],
            [("train", "train"), ("val", "valid"), ("test", "test")],
        ),
        (["annotations/instances_default.json"], ["images"], [("train", "images")]),
        (["result.json"], ["images"], [("train", "images")]),
        (["_annotations.coco.json"], [], [("train", "")]),
    ],
)
def test_files_of_usual_tools_are_found(
    files: list[str], folders: list[str], parts: list[tuple[str, str]], tmp_path: Path, write_json: Write
) -> None:
    for name in files:
        write_json(name, {})
    for name in folders:
        (tmp_path / name).mkdir(parents=True)
    found = parts_of(tmp_path, AUTO)
    assert [(part.split, part.images) for part in found] == parts
    assert all((tmp_path / part.annotations).is_file() for part in found)


def test_where_no_file_is_found_those_that_are_there_are_named(tmp_path: Path, write_json: Write) -> None:
    with pytest.raises(DatasetError, match=r"no annotation file of COCO .* there is no JSON file; name them"):
        parts_of(tmp_path, AUTO)
    write_json("deep/mine.json", {})
    with pytest.raises(DatasetError, match=r"JSON files that are there: deep/mine.json; name them: dataset"):
        parts_of(tmp_path, AUTO)
    named = CocoDataset(format="coco", root="r", train_annotations="a.json")
    with pytest.raises(
        DatasetError, match=r"a.json: no such file; JSON files that are there: deep/mine.json$"
    ):
        parts_of(tmp_path, named)
    with pytest.raises(DatasetError, match=r"; dataset.root: .*nowhere is not a folder"):
        parts_of(tmp_path / "nowhere", AUTO)


@pytest.mark.parametrize(
    "keys", [{"val_annotations": "v.json"}, {"train_annotations": "t.json", "test_images": "x"}]
)
def test_keys_that_contradict_each_other_are_refused(keys: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        CocoDataset(format="coco", root="r", **keys)  # type: ignore[arg-type]

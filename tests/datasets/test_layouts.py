"""The same thousand scenes through every reader give the same tables."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from tests.datasets.written_forms import FORMS, write
from wsdkd.data.annotations import ObjectRow
from wsdkd.data.tables import ImageRow
from wsdkd.datasets.audit.count import facts_of
from wsdkd.datasets.audit.summary import summary
from wsdkd.datasets.detect import detect
from wsdkd.datasets.params import (
    AutoDataset,
    CocoDataset,
    DatasetParams,
    FoldersDataset,
    NusWideDataset,
    ScenesDataset,
    TableDataset,
    VocDataset,
)
from wsdkd.datasets.prepare import Prepared, prepare
from wsdkd.datasets.scenes.layouts import (
    read_scenes,
    write_nuswide,
    write_table,
    write_voc,
    write_voc_class_lists,
    write_voc_folders,
)
from wsdkd.datasets.scenes.write_coco import write_scenes

TRAIN, VAL, TEST, SIZE = 700, 100, 200, 32


def name_of(image_id: str) -> str:
    # Each layout has its own ids; the file's name is what they share.
    return Path(image_id).stem


def images_of(prepared: Prepared) -> dict[str, ImageRow]:
    rows = {
        name_of(row.image_id): replace(row, image_id="", path=name_of(row.path)) for row in prepared.images
    }
    assert len(rows) == len(prepared.images)
    return rows


def objects_of(prepared: Prepared) -> list[ObjectRow]:
    rows = [replace(row, image_id=name_of(row.image_id)) for row in prepared.objects]
    return sorted(rows, key=lambda row: (row.image_id, row.label, row.x1, row.y1, row.x2, row.y2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layouts")
    params = ScenesDataset(
        format="scenes", root="scenes", train_images=TRAIN, val_images=VAL, test_images=TEST, side=SIZE
    )
    write_scenes(folder / "scenes", params)
    return folder


@pytest.fixture(scope="module")
def scenes(folder: Path) -> Prepared:
    prepared = prepare(folder / "scenes", ScenesDataset(format="scenes", root="scenes"), workers=1)
    assert prepared.rejected == ()
    return prepared


def test_the_scenes_fill_their_splits(scenes: Prepared) -> None:
    splits = [row.split for row in scenes.images]
    assert [splits.count(split) for split in ("train", "val", "test")] == [TRAIN, VAL, TEST]
    assert {(row.width, row.height) for row in scenes.images} == {(SIZE, SIZE)}
    assert {label for row in scenes.images for label in row.labels} == set(range(len(scenes.classes)))
    assert summary(facts_of(scenes), "rejected.csv")[0].startswith(
        "1,000 images (700 train, 100 val, 200 test), 20 classes"
    )


def test_the_number_of_workers_changes_nothing(folder: Path, scenes: Prepared) -> None:
    assert prepare(folder / "scenes", ScenesDataset(format="scenes", root="scenes"), workers=2) == scenes


def test_coco_gives_the_same_tables(folder: Path, scenes: Prepared) -> None:
    params = CocoDataset(
        format="coco",
        root="scenes",
        train_annotations="annotations/instances_train.json",
        train_images="images/train",
        val_annotations="annotations/instances_val.json",
        val_images="images/val",
        test_annotations="annotations/instances_test.json",
        test_images="images/test",
    )
    assert prepare(folder / "scenes", params, workers=1) == scenes


def test_voc_gives_the_same_tables(folder: Path, scenes: Prepared) -> None:
    write_voc(folder / "scenes", folder / "voc")
    params = VocDataset(format="voc", root="voc", train_set="train", val_set="val")
    prepared = prepare(folder / "voc", params, workers=1)
    assert prepared.classes == scenes.classes
    assert prepared.rejected == ()
    assert images_of(prepared) == images_of(scenes)
    assert objects_of(prepared) == objects_of(scenes)


def test_voc_beside_the_pictures_gives_the_same_tables(folder: Path, scenes: Prepared) -> None:
    write_voc_folders(folder / "scenes", folder / "voc_folders")
    prepared = prepare(folder / "voc_folders", VocDataset(format="voc", root="voc_folders"), workers=1)
    assert (prepared.classes, prepared.rejected) == (scenes.classes, ())
    assert images_of(prepared) == images_of(scenes)
    assert objects_of(prepared) == objects_of(scenes)


def test_voc_in_lists_of_a_class_gives_the_same_images(folder: Path, scenes: Prepared) -> None:
    write_voc_class_lists(folder / "scenes", folder / "voc_lists")
    params = VocDataset(format="voc", root="voc_lists", train_set="train", val_set="val")
    prepared = prepare(folder / "voc_lists", params, workers=1)
    assert (prepared.classes, prepared.rejected, prepared.objects) == (scenes.classes, (), ())
    assert images_of(prepared) == images_of(scenes)


def test_a_table_gives_the_same_images(folder: Path, scenes: Prepared) -> None:
    write_table(folder / "scenes", folder / "table")
    prepared = prepare(folder / "table", TableDataset(format="table", root="table"), workers=1)
    assert prepared.classes == scenes.classes
    assert prepared.rejected == prepared.objects == ()
    assert prepared.images == scenes.images


def test_nuswide_gives_the_same_images(folder: Path, scenes: Prepared) -> None:
    write_nuswide(folder / "scenes", folder / "nuswide")
    assert "\\" in (folder / "nuswide" / "ImageList" / "TestImagelist.txt").read_text()
    params = NusWideDataset(format="nuswide", root="nuswide", unlabelled="keep", validation_fraction=0)
    prepared = prepare(folder / "nuswide", params, workers=1)
    # It knows no split val: those scenes are in its train list.
    moved = replace(
        scenes,
        images=tuple(replace(row, split="test" if row.split == "test" else "train") for row in scenes.images),
    )
    assert prepared.classes == scenes.classes
    assert prepared.rejected == prepared.objects == ()
    assert images_of(prepared) == images_of(moved)


def of_any_path(prepared: Prepared) -> dict[str, ImageRow]:
    return {name: replace(row, path="") for name, row in images_of(prepared).items()}


@pytest.mark.parametrize("form", FORMS)
def test_other_forms_give_the_same_images(form: str, folder: Path, scenes: Prepared) -> None:
    root, unpacked = folder / form, folder / f"{form} unpacked"
    write(form, folder / "scenes", root)
    unpacked.mkdir()
    params = TypeAdapter(DatasetParams).validate_python({"root": form, **FORMS[form][0]})
    assert detect(root, AutoDataset(format="auto", root=form))[0].format == params.format
    prepared = prepare(root, params, workers=1, unpack_into=unpacked)
    assert (prepared.classes, prepared.rejected, prepared.objects) == (scenes.classes, (), ())
    assert of_any_path(prepared) == of_any_path(scenes)


def test_a_folder_a_class_gives_the_first_class_of_each_scene(folder: Path, scenes: Prepared) -> None:
    root, expected = folder / "classes", {}
    for scene in read_scenes(folder / "scenes")[1]:
        if scene.names:
            label = min(scene.names)
            target = root / scene.split / label / scene.picture.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(scene.picture.read_bytes())
            expected[scene.picture.stem] = (scene.split, (scenes.classes.index(label),))
    params = FoldersDataset(format="folders", root="classes", classes=scenes.classes)
    prepared = prepare(root, params, workers=1)
    assert prepared.rejected == ()
    assert {name_of(row.path): (row.split, row.labels) for row in prepared.images} == expected

"""Pictures without labels: from a folder, by a format's own words, or as their labels are withheld."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.datasets.small_datasets import SMALL, pictures
from wsdkd.data.tables import UNLABELLED, ImageRow
from wsdkd.datasets.params import DatasetParams, ScenesDataset
from wsdkd.datasets.prepare import Prepared, prepare
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.scenes.write_coco import write_scenes

FOUND = {"validation_fraction": 0.3, "split_seed": 1}


def prepared(root: Path, **params: Any) -> Prepared:
    chosen = TypeAdapter(DatasetParams).validate_python({"root": str(root), **params})
    return prepare(root, chosen, workers=1)


def hidden(found: Prepared) -> list[ImageRow]:
    return [row for row in found.images if row.split == UNLABELLED]


@pytest.mark.parametrize("form", SMALL)
def test_a_folder_of_pictures_beside_any_form(form: str, tmp_path: Path) -> None:
    params = {**SMALL[form](tmp_path), **FOUND}
    before = prepared(tmp_path, **params)
    names = pictures(tmp_path / "more" / "inner", range(20, 25))
    (tmp_path / "more" / "read me.txt").write_text("no picture")
    found = prepared(tmp_path, **params, unlabelled_images="more")
    assert [row.path for row in hidden(found)] == sorted(f"more/inner/{name}" for name in names)
    assert {(row.labels, row.ignored) for row in hidden(found)} == {((), (0, 1))}
    assert {row.split for row in before.images} == {"train", "val", "test"}
    assert [row for row in found.images if row.split != UNLABELLED] == list(before.images)
    assert found.objects == before.objects
    assert found.rejected == before.rejected
    assert any("5 pictures that the annotations do not list" in note for note in found.notes)


def test_pictures_that_a_table_lists_keep_their_labels(tmp_path: Path) -> None:
    params = SMALL["table"](tmp_path)
    pictures(tmp_path, range(20, 23))
    found = prepared(tmp_path, **params, unlabelled_images="")
    assert Counter(row.split == UNLABELLED for row in found.images) == {False: 12, True: 3}


def test_unannotated_pictures_beside_xml_are_no_negatives(tmp_path: Path) -> None:
    params = SMALL["VOC in folders"](tmp_path)
    pictures(tmp_path / "train", range(20, 23))
    found = prepared(tmp_path, **params, unlabelled_images="train", unannotated="empty")
    assert len(hidden(found)) == 3
    assert not any(row.labels == () for row in found.images if row.split != UNLABELLED)


def test_what_is_no_folder_of_other_pictures_is_refused(tmp_path: Path) -> None:
    params = SMALL["table"](tmp_path)
    (tmp_path / "empty").mkdir()
    for folder, reason in (
        ("nowhere", r"nowhere: no such folder; see dataset.unlabelled_images"),
        ("empty", r"empty: no picture in it that the annotations do not list"),
        ("../elsewhere", r"the path leaves the dataset's folder"),
    ):
        with pytest.raises(DatasetError, match=reason):
            prepared(tmp_path, **params, unlabelled_images=folder)


def test_a_column_of_splits_may_call_images_unlabelled(tmp_path: Path) -> None:
    names = pictures(tmp_path, range(8))
    cells = ["cat,train", "dog,train", "cat,val", "dog,test", ",unlabeled", "no class,Unlabelled", "cat,pool"]
    rows = [f"{name},{cell}\n" for name, cell in zip(names, cells, strict=False)]
    (tmp_path / "labels.csv").write_text("path,labels,split\n" + "".join(rows))
    found = prepared(tmp_path, format="table", split_column="split", split_names={"pool": UNLABELLED})
    assert found.classes == ("cat", "dog")
    assert [row.path for row in hidden(found)] == names[4:7]
    assert {(row.labels, row.ignored) for row in hidden(found)} == {((), (0, 1))}
    assert not found.rejected_images


def test_a_folder_unlabelled_beside_train_has_no_classes_in_it(tmp_path: Path) -> None:
    for split, first in (("train", 0), ("val", 4), ("test", 8)):
        for place, name in enumerate(("cat", "dog")):
            pictures(tmp_path / split / "images" / name, range(first + 2 * place, first + 2 * place + 2))
    pictures(tmp_path / "unlabeled", range(20, 22))
    pictures(tmp_path / "unlabeled" / "deep" / "in", range(22, 24))
    found = prepared(tmp_path, format="folders")
    assert found.classes == ("cat", "dog")
    assert len(hidden(found)) == 4
    assert Counter(row.split for row in found.images) == {"train": 4, "val": 4, "test": 4, UNLABELLED: 4}


SCENES = ScenesDataset(format="scenes", root="r", train_images=60, val_images=6, test_images=6, side=48)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scenes") / "drawn"
    root.mkdir()
    write_scenes(root, SCENES)
    return root


def test_labels_and_boxes_of_a_share_are_withheld(scenes: Path) -> None:
    whole = prepare(scenes, SCENES, workers=1)
    withholding = (SCENES.model_copy(update={"unlabelled_share": share}) for share in (0.5, 0.7))
    shares = [prepare(scenes, params, workers=1) for params in withholding]
    for found, share in zip(shares, (0.5, 0.7), strict=True):
        withheld = hidden(found)
        assert len(withheld) == pytest.approx(60 * share, abs=9)
        assert {(row.labels, row.ignored) for row in withheld} == {((), tuple(range(20)))}
        assert not {row.image_id for row in withheld} & {item.image_id for item in found.objects}
        others = {row.image_id: row for row in found.images if row.split != UNLABELLED}
        assert all(others.get(row.image_id, row) == row for row in whole.images)
        assert {row.image_id for row in withheld} <= {r.image_id for r in whole.images if r.split == "train"}
        kept = {label for row in others.values() if row.split == "train" for label in row.labels}
        assert kept == {label for row in whole.images if row.split == "train" for label in row.labels}
    assert not hidden(whole)
    other = prepare(scenes, SCENES.model_copy(update={"unlabelled_share": 0.5, "seed": 9}), workers=1)
    assert {row.image_id for row in hidden(other)} != {row.image_id for row in hidden(shares[0])}


def test_a_copy_of_a_test_image_leaks_and_one_of_a_training_image_does_not(tmp_path: Path) -> None:
    params = SMALL["table"](tmp_path)
    (tmp_path / "more").mkdir()
    shutil.copy(tmp_path / "1.png", tmp_path / "more" / "of_train.png")
    shutil.copy(tmp_path / "10.tif", tmp_path / "more" / "of_test.tif")
    found = prepared(tmp_path, **params, validation_fraction=0, unlabelled_images="more")
    assert [(item.path, item.reason) for item in found.rejected if "the same bytes" in item.reason] == [
        ("more/of_test.tif", "in split unlabelled, the same bytes as 10.tif in split test")
    ]
    dropped = prepared(tmp_path, **params, validation_fraction=0, unlabelled_images="more", leaks="drop")
    assert [row.path for row in hidden(dropped)] == ["more/of_train.png"]
    assert len(dropped.images) == 13

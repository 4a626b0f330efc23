import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wsdkd.datasets.detect import detect
from wsdkd.datasets.params import AutoDataset, DatasetParams, TableDataset
from wsdkd.datasets.reading.rejections import DatasetError

AUTO = AutoDataset(format="auto", root="r", max_rejected=7, test_fraction=0.3, leaks="drop")

COCO = json.dumps({"images": [], "annotations": [], "categories": []})
FORMS: dict[str, dict[str, str]] = {
    "table": {"tags.csv": "path,labels\n1.jpg,cat\n"},
    "folders": {"cat/1.jpg": "", "dog/2.jpg": ""},
    "coco": {"annotations/instances_train2017.json": COCO, "annotations/instances_val2017.json": COCO},
    "voc": {
        "Annotations/1.xml": "<annotation/>",
        "ImageSets/Main/trainval.txt": "1\n",
        "JPEGImages/1.jpg": "",
    },
    "nuswide": {"Concepts81.txt": "cat\n"},
    "open_images": {"train-annotations-human-imagelabels.csv": "", "class-descriptions.csv": ""},
    "webdataset": {"train-000.tar": "", "train-001.tar": ""},
}


def make(root: Path, *forms: str) -> Path:
    root.mkdir(exist_ok=True)
    for form in forms:
        for name, text in FORMS[form].items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
    return root


def found(root: Path) -> DatasetParams:
    return detect(root, AUTO)[0]


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_found_and_said(form: str, tmp_path: Path) -> None:
    params, sentence = detect(make(tmp_path, form), AUTO)
    assert params.format == form
    assert f"read as dataset.format: {form}, by " in sentence
    assert (params.max_rejected, params.root) == (7, "r")
    assert getattr(params, "leaks", None) == "drop"


def test_xml_beside_pictures_is_voc_and_other_xml_is_not(tmp_path: Path) -> None:
    make(tmp_path, "folders")
    (tmp_path / "cat/1.xml").write_text("<html/>")
    assert found(tmp_path).format == "folders"
    (tmp_path / "cat/1.xml").write_text('<?xml version="1.0"?>\n<annotation><object/></annotation>')
    assert found(tmp_path).format == "voc"


def test_parquet_is_hugging_face_with_pictures_and_else_a_table(tmp_path: Path) -> None:
    pq.write_table(pa.table({"path": ["1.jpg"], "labels": [["cat"]]}), tmp_path / "labels.parquet")
    params = found(tmp_path)
    assert isinstance(params, TableDataset)
    assert params.file == "labels.parquet"
    pq.write_table(pa.table({"image": [{"bytes": b"1", "path": None}]}), tmp_path / "labels.parquet")
    assert found(tmp_path).format == "hugging_face"


def test_pictures_beside_a_table_or_annotations_are_theirs(tmp_path: Path) -> None:
    for form in ("table", "coco", "voc", "open_images"):
        assert found(make(tmp_path / form, form, "folders")).format == form


def test_where_two_forms_fit_nobody_guesses(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"coco \(.*\) and as webdataset \(.*\); say which: dataset"):
        found(make(tmp_path / "a", "coco", "webdataset"))
    make(tmp_path / "b", "voc")
    (tmp_path / "b/labels.csv").write_text("path,labels\n")
    with pytest.raises(DatasetError, match=r"voc \(ImageSets.*\) and as table \(labels.csv\)"):
        found(tmp_path / "b")
    make(tmp_path / "c", "table")
    (tmp_path / "c/more.csv").write_text("path,labels\n")
    with pytest.raises(DatasetError, match=r"tables more.csv, tags.csv; say which: .*file: tags.csv"):
        found(tmp_path / "c")


def test_a_folder_without_anything_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no table, no annotations, no shards and no pictures in it"):
        found(tmp_path)
    with pytest.raises(DatasetError, match=r"missing: not a folder; see dataset.root"):
        found(tmp_path / "missing")

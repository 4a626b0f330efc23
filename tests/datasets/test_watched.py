"""All that is read of a dataset lies where DVC looks, so that a change of it reruns ``prepare``."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.datasets.conftest import Content
from wsdkd.datasets.params import DatasetParams
from wsdkd.datasets.prepare import prepare
from wsdkd.datasets.reading.rejections import DatasetError

Picture = Callable[..., Path]


def refused(root: Path, **keys: Any) -> str:
    params = TypeAdapter(DatasetParams).validate_python({"root": str(root), "links": "anywhere", **keys})
    (root.parent / "unpacked").mkdir(exist_ok=True)
    with pytest.raises(DatasetError) as error:
        prepare(root, params, workers=1, unpack_into=root.parent / "unpacked")
    return str(error.value)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def test_a_table_outside_of_the_root(root: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,label\na.jpg,cat\n")
    for file in ("../labels.csv", str(tmp_path / "labels.csv")):
        assert "labels.csv: the path leaves the dataset's folder; put it there" in refused(
            root, format="table", file=file
        )


def test_annotations_behind_a_link_to_a_folder(root: Path, tmp_path: Path, coco_content: Content) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far/instances_train.json").write_text(json.dumps(coco_content))
    (root / "annotations").symlink_to(tmp_path / "far")
    found = refused(root, format="coco", train_annotations="annotations/instances_train.json")
    assert "by a link to a folder, into which DVC does not look; put a folder of links" in found
    assert "by a link to a folder" in refused(root, format="coco")  # found by itself


@pytest.mark.parametrize("form", ["webdataset", "hugging_face"])
def test_shards_outside_of_the_root(form: str, root: Path, tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    assert "shards: the path leaves the dataset's folder" in refused(root, format=form, folder="../shards")
    (root / "linked").symlink_to(tmp_path / "shards")
    assert "linked: the path leaves the dataset's folder by a link to a folder" in refused(
        root, format=form, folder="linked"
    )


def test_a_list_of_a_split_behind_a_link(root: Path, tmp_path: Path, picture: Picture) -> None:
    picture("root/a.jpg")
    (root / "labels.csv").write_text("path,label\na.jpg,cat\n")
    (tmp_path / "far").mkdir()
    (tmp_path / "far/train.txt").write_text("a.jpg\n")
    (root / "lists").symlink_to(tmp_path / "far")
    assert "by a link to a folder" in refused(root, format="table", train_list="lists/train.txt")


def test_dvc_looks_through_links_to_files_alone(root: Path, tmp_path: Path) -> None:
    def dvc(*arguments: str) -> str:
        command = [sys.executable, "-m", "dvc", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    (tmp_path / "far").mkdir()
    (tmp_path / "far/a.txt").write_text("1")
    (root / "file").symlink_to(tmp_path / "far/a.txt")
    (tmp_path / "dvc.yaml").write_text("stages: {read: {cmd: 'true', deps: [root]}}")
    dvc("init", "--no-scm", "--quiet")
    dvc("repro", "--quiet")
    (tmp_path / "far/a.txt").write_text("22")
    assert "modified:           root" in dvc("status")
    # What this program refuses to read, since DVC would not see that it changes.
    (root / "file").unlink()
    (root / "folder").symlink_to(tmp_path / "far")
    dvc("repro", "--quiet")
    (tmp_path / "far/a.txt").write_text("333")
    assert "up to date" in dvc("status")

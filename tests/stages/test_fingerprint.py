from pathlib import Path

import pytest

from stages.fingerprint import fingerprint

PIPELINE = """
stages:
  student:
    cmd: python -m stages.student
    deps: ["${cache.folder}", images.txt]
    params: [student]
"""
PARAMS = "cache: {folder: FOLDER, rois: 4}\nstudent: {input_size: 64}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for folder in ("own", "imported"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "shard").write_text(folder)
    (tmp_path / "images.txt").write_text("images")
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "params.yaml").write_text(PARAMS.replace("FOLDER", "own"))
    return tmp_path


def test_a_folder_that_a_parameter_names_counts_with_its_content(project: Path) -> None:
    own = fingerprint("student")
    (project / "imported/shard").write_text("another")
    assert fingerprint("student") == own
    (project / "own/shard").write_text("another")
    assert fingerprint("student") != own
    (project / "own/shard").write_text("own")
    (project / "params.yaml").write_text(PARAMS.replace("FOLDER", "imported"))
    assert fingerprint("student") != own


def test_parameters_that_are_not_listed_do_not_count(project: Path) -> None:
    before = fingerprint("student")
    (project / "params.yaml").write_text(PARAMS.replace("FOLDER", "own").replace("rois: 4", "rois: 5"))
    assert fingerprint("student") == before
    (project / "params.yaml").write_text(PARAMS.replace("FOLDER", "own").replace("64", "65"))
    assert fingerprint("student") != before

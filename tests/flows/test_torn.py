"""Half a dvc.lock, which a killed DVC leaves."""

import subprocess
from pathlib import Path

import pytest

from flows.torn import mend_lock_file

WHOLE = "schema: '2.0'\nstages:\n  prepare:\n    cmd: python -m stages.prepare\n"
TORN = [
    "",
    WHOLE[:30],
    "schema: '2.0'\n",
    "schema: '2.0'\nstages:\n  prep",
    "schema: '2.0'\nstages: {a: [",
    "[]",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    _git(tmp_path, "init", "--quiet")
    return tmp_path / "dvc.lock"


def _git(root: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *who, *arguments], cwd=root, check=True)


def test_a_whole_one_and_none_are_left_alone(path: Path) -> None:
    assert mend_lock_file(path.parent) == []
    path.write_text(WHOLE)
    assert mend_lock_file(path.parent) == []
    assert path.read_text() == WHOLE


@pytest.mark.parametrize("text", TORN)
def test_that_of_the_last_commit_takes_its_place(path: Path, text: str) -> None:
    path.write_text(WHOLE)
    _git(path.parent, "add", "dvc.lock")
    _git(path.parent, "commit", "--quiet", "-m", "a run")
    path.write_text(text)
    (said,) = mend_lock_file(path.parent)
    assert said.startswith("dvc.lock: half written by a DVC that was killed; that of the last commit")
    assert path.read_text() == WHOLE


@pytest.mark.parametrize("text", TORN)
def test_without_a_commit_it_is_removed(path: Path, text: str) -> None:
    path.write_text(text)
    assert mend_lock_file(path.parent) == ["dvc.lock: half written by a DVC that was killed; removed"]
    assert not path.exists()

"""A project with students, for whatever promotes them."""

import subprocess
from pathlib import Path

import pytest

from tests.serving.small_project import make_project


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    make_project(root)
    return root


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: nothing is promoted yet, and the student is the bad one."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")
    root = tmp_path / "project"
    subprocess.run(["cp", "-r", str(made), str(root)], check=True)
    monkeypatch.chdir(root)
    return root

"""Nothing that a command writes makes DVC run a stage: the list of what it watches, and DVC's own word."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo

from wsdkd import project
from wsdkd.cli.places import check_output, watched
from wsdkd.ground.errors import UserError

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["scenes", "cards"])
def pipeline(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's own pipeline with the parameters of a profile, as a repository of DVC."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for name in ("dvc.yaml", ".dvc/config", ".gitignore"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / ".dvc/plots", tmp_path / ".dvc/plots")
    shutil.copy(ROOT / f"profiles/{request.param}.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_that_dvc_knows_is_found(pipeline: Path) -> None:
    index = Repo(str(pipeline)).index
    known = {os.path.relpath(each.fs_path, pipeline) for each in (*index.outs, *index.deps)}
    params = {"params.yaml"}
    found = {os.path.normpath(entry) for entry in watched(Path("dvc.yaml"))}
    assert known - params - found == set()


def test_a_place_that_dvc_watches_is_refused(pipeline: Path) -> None:
    for folder in ("data/teacher_cache", "reports/pictures", "models/student", "elsewhere"):
        (pipeline / folder).mkdir(parents=True, exist_ok=True)
    for place in ("reports/pictures/mine.png", "data/teacher_cache/mine.png", "models/student/mine.png"):
        with pytest.raises(UserError, match=f"--to {place}: DVC watches {Path(place).parent}, and would run"):
            check_output(Path(place), ".png")
    (pipeline / "elsewhere/link").symlink_to(pipeline / "reports/pictures")
    with pytest.raises(UserError, match="DVC watches reports/pictures"):
        check_output(Path("elsewhere/link/mine.png"), ".png")
    check_output(Path("elsewhere/mine.png"), ".png")
    check_output(Path("reports/mine.png"), ".png")


def test_from_another_folder_too(pipeline: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (pipeline / "reports/pictures").mkdir(parents=True)
    os.chdir(tmp_path_factory.mktemp("elsewhere"))
    with pytest.raises(UserError, match="DVC watches reports/pictures"):
        check_output(pipeline / "reports/pictures/mine.png", ".png")


def test_the_default_picture_of_regions_is_watched_by_nobody(pipeline: Path) -> None:
    project.REGIONS.parent.mkdir()
    check_output(project.REGIONS, ".png")
    ignored = subprocess.run(["git", "check-ignore", "-q", str(project.REGIONS)], cwd=pipeline, check=False)
    assert ignored.returncode == 0


def test_dvc_says_that_nothing_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dvc(*arguments: str) -> str:
        command = [sys.executable, "-m", "dvc", *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    monkeypatch.chdir(tmp_path)
    dvc("init", "-q", "--no-scm")
    make = "import pathlib; pathlib.Path('reports/pictures').mkdir(parents=True)"
    (tmp_path / "dvc.yaml").write_text(
        f'stages: {{evaluate: {{cmd: {sys.executable} -c "{make}", outs: [reports/pictures]}}}}\n'
    )
    dvc("repro", "-q")
    check_output(project.REGIONS, ".png")
    project.REGIONS.touch()
    assert "up to date" in dvc("status")
    # And what is refused would have made it run again.
    (tmp_path / "reports/pictures/regions.png").touch()
    assert "reports/pictures" in dvc("status")


def test_ending_and_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--to .*page\.pdf: expected a name that ends in \.png or \.svg"):
        check_output(tmp_path / "page.pdf", ".png", ".svg")
    with pytest.raises(UserError, match=r"there is no folder .*/gone; make it: mkdir -p .*/gone"):
        check_output(tmp_path / "gone/page.png", ".png")


def test_a_pipeline_that_is_damaged_is_named(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: [")
    with pytest.raises(UserError, match=r"dvc\.yaml: not YAML"):
        check_output(tmp_path / "page.png", ".png")
    (tmp_path / "dvc.yaml").write_text("- prepare")
    with pytest.raises(UserError, match=r"dvc\.yaml: stages: expected"):
        check_output(tmp_path / "page.png", ".png")

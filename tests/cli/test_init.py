"""``wsdkd init``: which files it lays down, and which of a user's own it leaves alone."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.pipeline.clone import git
from wsdkd.cli import init
from wsdkd.cli.main import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _init(monkeypatch: pytest.MonkeyPatch, folder: str) -> int:
    monkeypatch.setattr(sys, "argv", ["wsdkd", "init", folder])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def _files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_it_lays_down_the_repository_s_own_files(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _init(monkeypatch, "new/demo") == 0
    made = _files(here / "new/demo")
    changed = {name for name, content in made.items() if (ROOT / name).read_bytes() != content}
    assert changed <= {"dvc.yaml", "params.yaml"}
    assert made["params.yaml"] == (ROOT / "profiles/scenes.yaml").read_bytes()
    tracked = set(git(ROOT, "ls-files").split())
    whole = {
        name for name in tracked if name.startswith((".dvc/", "flows/", "inputs/", "profiles/", "stages/"))
    }
    assert whole <= made.keys()
    assert set(made) <= tracked  # nothing that lies about in the clone, such as compiled modules
    assert (here / "new/demo/inputs/weights/teacher").is_dir()


def test_dvc_asks_the_package_for_its_code_and_depends_on_nothing_else_of_it(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _init(monkeypatch, "demo") == 0
    before = (ROOT / "dvc.yaml").read_text().splitlines()
    after = (here / "demo/dvc.yaml").read_text().splitlines()
    assert [line for line in before if line not in after] == ["    deps: [stages, wsdkd]"]
    assert [line for line in after if line not in before] == [
        "    deps: [stages]",
        "    always_changed: true",
    ]


def test_it_is_a_repository_that_git_sees_whole(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _init(monkeypatch, "demo") == 0
    git(here / "demo", "add", ".")
    assert set(git(here / "demo", "ls-files").split()) == _files(here / "demo").keys()


def test_unrelated_files_and_a_repository_that_is_there_stay(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(here, "init", "--quiet", "demo")
    (here / "demo/photos").mkdir()
    (here / "demo/photos/1.jpg").write_text("a photograph")
    git(here / "demo", "add", ".")
    git(here / "demo", "commit", "--quiet", "-m", "Mine")
    assert _init(monkeypatch, "demo") == 0
    assert (here / "demo/photos/1.jpg").read_text() == "a photograph"
    assert git(here / "demo", "log", "--format=%s") == "Mine\n"
    assert (here / "demo/dvc.yaml").is_file()


@pytest.mark.parametrize(
    "taken",
    ["dvc.yaml", "data/photo.jpg", "models/mine.pt", "reports/x", "wsdkd/x", ".dvc/config", "stages/x"],
)
def test_what_the_project_would_touch_is_refused(
    taken: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "demo" / taken).parent.mkdir(parents=True, exist_ok=True)
    (here / "demo" / taken).write_text("mine")
    assert _init(monkeypatch, "demo") == 1
    assert f"demo: {taken.partition('/')[0]} is there already" in capsys.readouterr().err
    assert _files(here / "demo") == {taken: b"mine"}
    assert not (here / "demo/.git").exists()


def test_a_second_time_is_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _init(monkeypatch, "demo") == 0
    (here / "demo/params.yaml").write_text("changed since")
    assert _init(monkeypatch, "demo") == 1
    assert "nothing is overwritten" in capsys.readouterr().err
    assert (here / "demo/params.yaml").read_text() == "changed since"


def test_a_file_is_no_folder(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "demo").touch()
    assert _init(monkeypatch, "demo") == 1
    assert "demo: is a file" in capsys.readouterr().err


def test_without_git_nothing_is_begun(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert _init(monkeypatch, "demo") == 1
    assert "git is not on the path" in capsys.readouterr().err
    assert not (here / "demo").exists()


def test_a_package_that_was_copied_says_how_to_install_it(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(init, "PACKAGE", here / "copied/wsdkd")
    monkeypatch.setattr(init, "SHIPPED", here / "copied/wsdkd/new_project")
    assert _init(monkeypatch, "demo") == 1
    assert "install wsdkd by pip" in capsys.readouterr().err

"""``wsdkd profile`` in a folder that holds the project's profiles."""

import difflib
import shutil
import sys
from pathlib import Path

import pytest

from wsdkd.cli.main import main
from wsdkd.settings.sections import read_params

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["wsdkd", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_use_copies_the_profile(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _run(monkeypatch, "profile", "use", "scenes") == 0
    assert (project / "params.yaml").read_bytes() == (project / "profiles/scenes.yaml").read_bytes()


def test_set_changes_the_line_and_nothing_else(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = ["dataset.root=../cards: odd/name", "cache.rois=all", "teacher.train_sizes=[192, 224]"]
    arguments = [word for change in changes for word in ("--set", change)]
    assert _run(monkeypatch, "profile", "use", "cards", *arguments) == 0
    before = (project / "profiles/cards.yaml").read_text().splitlines()
    after = (project / "params.yaml").read_text().splitlines()
    added = [line for line in difflib.ndiff(before, after) if line.startswith("+ ")]
    assert len(added) == 3
    assert all("#" in line for line in added)  # the comments stayed
    data = read_params(project / "params.yaml")
    assert data["dataset"]["root"] == "../cards: odd/name"
    assert data["cache"]["rois"] == "all"
    assert data["teacher"]["train_sizes"] == [192, 224]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("teacher.input_size=big", "teacher.input_size: should be a valid integer, got 'big'"),
        ("teacher.input_sise=5", "teacher.input_sise: unknown key; did you mean input_size?"),
        ("teachers.size=5", "teachers: unknown section; allowed: dataset, proposals"),
        ("teacher=5", "expected section.key=value"),
        ("teacher.input_size", "expected section.key=value"),
        ("teacher..size=5", "expected section.key=value"),
    ],
)
def test_a_refused_change_leaves_params_alone(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: str,
    message: str,
) -> None:
    (project / "params.yaml").write_text("mine\n")
    assert _run(monkeypatch, "profile", "use", "scenes", "--set", change) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert (project / "params.yaml").read_text() == "mine\n"


@pytest.mark.usefixtures("project")
def test_an_unknown_profile_names_the_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "profile", "use", "voc") == 1
    assert "voc: no such profile; allowed: cards, coco, nuswide, scenes," in capsys.readouterr().err


def test_a_profile_of_ones_own(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = project / "mine.yaml"
    mine.write_text((project / "profiles/scenes.yaml").read_text())
    assert _run(monkeypatch, "profile", "use", "mine.yaml") == 0
    assert (project / "params.yaml").read_text() == mine.read_text()


def test_check_names_what_is_wrong_in_each_file(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "profile", "check") == 0
    assert capsys.readouterr().out.count(": ok") == 7
    coco = project / "profiles/coco.yaml"
    coco.write_text(coco.read_text().replace("input_size: 672", "input_size: -1"))
    (project / "params.yaml").write_text("nonsense: 1\n")
    assert _run(monkeypatch, "profile", "check") == 1
    output = capsys.readouterr()
    assert output.out.count(": ok") == 6
    assert (
        "profiles/coco.yaml: teacher.input_size: should be greater than or equal to 32, got -1" in output.err
    )
    assert "params.yaml: nonsense: unknown section" in output.err


def test_list_and_show(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "profile", "list") == 0
    assert len(capsys.readouterr().out.splitlines()) == 7
    assert _run(monkeypatch, "profile", "show", "coco") == 0
    assert capsys.readouterr().out == (project / "profiles/coco.yaml").read_text()


def test_check_away_from_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _run(monkeypatch, "profile", "check") == 1
    assert "go to the project's folder" in capsys.readouterr().err

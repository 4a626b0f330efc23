"""``wsdkd profile`` in a folder that holds the project's profiles."""

import difflib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wsdkd.cli.main import main
from wsdkd.settings.sections import read_params

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    (tmp_path / "dvc.yaml").touch()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
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
    assert len(added) == 4
    assert all("#" in line for line in added)  # the comments stayed
    assert after[0].startswith("# wsdkd profile use cards --set 'dataset.root=../cards: odd/name' --set ")
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
    assert _run(monkeypatch, "profile", "use", "scenes", "--force", "--set", change) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert (project / "params.yaml").read_text() == "mine\n"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "dataset.format=voc",
            "profiles that have it: cards, voc2007; begin with one, .* show cards > mine.yaml",
        ),
        ("proposals.method=file", "begin with one, or write your own: wsdkd profile show NAME > mine.yaml"),
    ],
)
@pytest.mark.usefixtures("project")
def test_a_choice_that_brings_other_keys_is_answered_with_the_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], change: str, told: str
) -> None:
    assert _run(monkeypatch, "profile", "use", "scenes", "--set", change) == 1
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert re.search(rf"--set {change}: this choice brings other keys with it; {told}", error)


def test_an_edited_file_is_not_overwritten_without_a_word(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    params = project / "params.yaml"
    # What a profile or the command itself wrote may go: it can be had again.
    for arguments in (["scenes"], ["cards", "--set", "dataset.root=a b"], ["coco", "--set", "cache.rois=4"]):
        assert _run(monkeypatch, "profile", "use", *arguments) == 0
    capsys.readouterr()
    edited = params.read_text().replace("rois: 4 ", "rois: 5 ").replace("shard_images: ", "shard_images: 1")
    params.write_text(edited)
    assert _run(monkeypatch, "profile", "use", "scenes") == 1
    error = capsys.readouterr().err
    assert "params.yaml: it was edited, and these 2 lines would be lost; --force overwrites it" in error
    assert [line.split()[0] for line in error.splitlines()[1:]] == ["rois:", "shard_images:"]
    assert params.read_text() == edited
    assert _run(monkeypatch, "profile", "use", "scenes", "--force") == 0
    assert params.read_text() == (project / "profiles/scenes.yaml").read_text()


def test_what_git_has_may_be_overwritten(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = project / "params.yaml"
    params.write_text((project / "profiles/scenes.yaml").read_text().replace("epochs: 11", "epochs: 12"))
    assert _run(monkeypatch, "profile", "use", "cards") == 1
    author = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "params.yaml"], [*author, "commit", "-qm", "Mine"]):
        subprocess.run(["git", *words], cwd=project, check=True)
    assert _run(monkeypatch, "profile", "use", "cards") == 0
    params.write_text("edited: since\n")
    assert _run(monkeypatch, "profile", "use", "cards") == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "student.network.backbone=no_such_net",
            ["student.network.backbone: 'no_such_net' is neither vgg16"],
        ),
        ("student.network.backbone=resnet18", ["student.network.stages: resnet18 is used whole"]),
        ("student.network.frozen_stages=9", ["student.network.frozen_stages: the backbone has 6 stages"]),
        (
            "teacher.network.backbone=vgg16",
            ["teacher.network.stages: vgg16 is used whole", "teacher.roi.bins: fc6 of vgg16 takes 7 bins"],
        ),
    ],
)
def test_check_builds_the_networks(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: str,
    told: list[str],
) -> None:
    assert _run(monkeypatch, "profile", "use", "scenes", "--set", change) == 0
    shutil.rmtree(project / "profiles")  # the others are checked as well, which takes its time
    assert _run(monkeypatch, "profile", "check") == 1
    output = capsys.readouterr()
    assert output.out.count(": ok") == 0
    refused = output.err.removeprefix("error: ").splitlines()
    assert len(refused) == len(told)
    assert all(line.startswith(f"params.yaml: {start}") for line, start in zip(refused, told, strict=True))


def test_check_says_what_an_older_file_lacks_and_what_is_not_installed(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    text = (project / "profiles/scenes-smoke.yaml").read_text()
    shutil.rmtree(project / "profiles")
    params = project / "params.yaml"
    for changed, told in (
        (text.partition("tracking:")[0], "tracking: this section is missing"),
        (
            text.replace("trackers: []", "trackers: [mlflow]"),
            "tracking.trackers: mlflow is not installed; run: pip install mlflow-skinny",
        ),
    ):
        assert changed != text
        params.write_text(changed)
        assert _run(monkeypatch, "profile", "check") == 1
        assert capsys.readouterr().err == f"error: params.yaml: {told}\n"


@pytest.mark.usefixtures("project")
def test_an_unknown_profile_names_the_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "profile", "use", "voc") == 1
    assert "voc: no such profile; allowed: auto, cards, coco, nuswide, scenes," in capsys.readouterr().err


def test_a_profile_of_ones_own(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = project / "mine.yaml"
    mine.write_text((project / "profiles/scenes.yaml").read_text())
    mine.write_text(mine.read_text().replace("epochs: 11", "epochs: 12"))
    assert _run(monkeypatch, "profile", "use", "mine.yaml") == 0
    assert (project / "params.yaml").read_text() == f"# wsdkd profile use mine.yaml\n{mine.read_text()}"
    assert _run(monkeypatch, "profile", "use", "scenes") == 0


def test_check_names_what_is_wrong_in_each_file(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "profile", "check") == 0
    assert capsys.readouterr().out.count(": ok") == 8
    for name in ("auto", "cards", "nuswide", "scenes", "table", "voc2007"):
        (project / f"profiles/{name}.yaml").unlink()
    coco = project / "profiles/coco.yaml"
    coco.write_text(coco.read_text().replace("input_size: 672", "input_size: -1"))
    (project / "params.yaml").write_text("nonsense: 1\n")
    assert _run(monkeypatch, "profile", "check") == 1
    output = capsys.readouterr()
    assert output.out == "profiles/scenes-smoke.yaml: ok\n"
    assert (
        "profiles/coco.yaml: teacher.input_size: should be greater than or equal to 32, got -1" in output.err
    )
    assert "params.yaml: nonsense: unknown section" in output.err


def test_list_and_show(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "profile", "list") == 0
    assert len(capsys.readouterr().out.splitlines()) == 8
    assert _run(monkeypatch, "profile", "show", "coco") == 0
    assert capsys.readouterr().out == (project / "profiles/coco.yaml").read_text()


def test_check_away_from_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _run(monkeypatch, "profile", "check") == 1
    assert "go to the project's folder" in capsys.readouterr().err
    assert _run(monkeypatch, "profile", "list") == 1
    assert "not a project's folder: there is no dvc.yaml; go to one that has it" in capsys.readouterr().err

"""A stage runs on what DVC will record of it, or not at all."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stages import code
from stages.inputs import read_inputs
from stages.run import run
from wsdkd.ground.code import PACKAGES, Sources
from wsdkd.ground.errors import UserError

ROOT = Path(__file__).parents[2]
PIPELINE = """
stages:
  propose:
    cmd: python -m stages.propose
    deps: ["${cache.folder}", images.txt, data/code/propose]
    params: [student, cache.rois]
  draw_scenes:
    foreach: ${dataset.draw}
    do: {cmd: python -m stages.draw_scenes, params: [dataset.seed]}
"""
PARAMS = "cache: {folder: own, rois: 4, bits: 8}\nstudent: {input_size: 64}\ndataset: {seed: 3}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for folder in ("own", "imported"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "shard").write_text(folder)
    (tmp_path / "images.txt").write_text("images")
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "params.yaml").write_text(PARAMS)
    return tmp_path


def change(project: Path, before: str, after: str) -> None:
    params = project / "params.yaml"
    assert before in params.read_text()
    params.write_text(params.read_text().replace(before, after))


def fingerprint() -> str:
    return read_inputs("propose").fingerprint


def test_a_folder_that_a_parameter_names_counts_with_its_content(project: Path) -> None:
    own = fingerprint()
    (project / "imported/shard").write_text("another")
    assert fingerprint() == own
    (project / "own/shard").write_text("another")
    assert fingerprint() != own
    (project / "own/shard").write_text("own")
    assert fingerprint() == own
    change(project, "own", "imported")
    assert fingerprint() != own


def test_parameters_that_are_not_listed_do_not_count(project: Path) -> None:
    before = fingerprint()
    change(project, "bits: 8", "bits: 16")
    assert fingerprint() == before
    change(project, "input_size: 64", "input_size: 65")
    assert fingerprint() != before


@pytest.mark.parametrize("missing", ["images.txt", "own/shard"])
def test_a_missing_file_is_refused_by_its_name(project: Path, missing: str) -> None:
    (project / missing).unlink()
    if missing == "own/shard":
        (project / "own").rmdir()
    name = missing.partition("/")[0]
    with pytest.raises(
        UserError, match=rf"^{name}: missing, and stage propose depends on it; run: dvc repro$"
    ):
        _ = read_inputs("propose").fingerprint


def test_a_stage_that_dvc_does_not_know_is_refused(project: Path) -> None:
    # Where it would go on from states that may be those of other data.
    for text in (PIPELINE, None):
        if text is None:
            (project / "dvc.yaml").unlink()
        assert read_inputs("evaluate").parameters == {}
        with pytest.raises(UserError, match=r"^dvc\.yaml: lists no stage evaluate; "):
            _ = read_inputs("evaluate").fingerprint


def test_the_stage_of_a_dataset_has_parameters_too(project: Path) -> None:
    assert read_inputs("draw_scenes").parameters == {"dataset.seed": 3}
    assert read_inputs("draw_scenes").data == ()
    change(project, "seed: 3", "seed: 4")
    assert read_inputs("draw_scenes").parameters == {"dataset.seed": 4}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("input_size: 64", "input_size: 96", "student.input_size: changed from 64 to 96"),
        ("input_size: 64", "size: 64", "student.input_size: changed from 64 to None"),
        ("rois: 4", "rois: 6", "cache.rois: changed from 4 to 6"),
    ],
)
def test_a_parameter_that_is_changed_meanwhile_fails_the_stage(
    project: Path, before: str, after: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(lambda: change(project, before, after), "propose")
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: params.yaml: {told} while stage propose ran with ")


def test_what_differs_from_the_last_run_that_dvc_recorded(project: Path) -> None:
    assert read_inputs("propose").changed_since_last_run() == []  # it never ran
    recorded = "{student: {input_size: 32}, cache.rois: 4}"
    (project / "dvc.lock").write_text(f"stages: {{propose: {{params: {{params.yaml: {recorded}}}}}}}")
    assert read_inputs("propose").changed_since_last_run() == [("student.input_size", 32, 64)]
    assert read_inputs("draw_scenes").changed_since_last_run() == []


def test_a_parameter_of_others_may_change_meanwhile(project: Path) -> None:
    run(lambda: change(project, "bits: 8", "bits: 16"), "propose")


@pytest.mark.usefixtures("project")
class TestCode:
    """data/code/NAME, on which DVC relies, against the modules that are imported."""

    def test_every_stage_has_a_file_with_its_modules(self, project: Path) -> None:
        code.main()
        files = {path.name for path in (project / "data/code").iterdir()}
        assert {"prepare", "train_teacher", "evaluate"} <= files
        assert not files & {"code", "run", "inputs", "training", "__init__"}
        lines = [line.split() for line in (project / "data/code/prepare").read_text().splitlines()]
        assert [len(digest) for digest, _ in lines] == [64] * len(lines)
        names = [name for _, name in lines]
        assert names == sorted(names)
        assert {"stages.prepare", "wsdkd.datasets.coco.read"} <= set(names)
        assert "wsdkd.teacher.network" not in names

    def test_a_stage_on_the_code_that_was_written_down_runs(self) -> None:
        code.main()
        ran = []
        run(lambda: ran.append(True), "propose")
        assert ran

    def test_a_stage_on_other_code_is_refused_with_what_to_run(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code.main()
        written = project / "data/code/propose"
        lines = written.read_text().splitlines()
        stale = [f"{'0' * 64} {line[65:]}" if line.endswith("edge_boxes") else line for line in lines]
        assert stale != lines
        written.write_text("\n".join(stale) + "\n")
        with pytest.raises(SystemExit) as ended:
            run(lambda: pytest.fail("it ran"), "propose")
        assert ended.value.code == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(
            "error: wsdkd.proposals.edge_boxes: changed since data/code/propose was written"
        )
        assert "run: dvc repro --force code, and then this stage again" in line

    def test_code_that_is_edited_while_it_is_read_is_not_written_down(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        code.main()
        before = (project / "data/code/propose").read_bytes()
        for package in PACKAGES:
            shutil.copytree(ROOT / package, project / "copy" / package)

        class Edited(Sources):
            def digests(self, module: str) -> dict[str, str]:
                found = super().digests(module)
                path = self.path("wsdkd.ground.errors")
                assert path
                path.write_text(path.read_text() + "EDITED = True\n")
                return found

        monkeypatch.setattr(code, "Sources", lambda: Edited(folder=project / "copy"))
        with pytest.raises(UserError, match=r"ground/errors\.py: edited while stage code read it; run again"):
            code.main()
        assert (project / "data/code/propose").read_bytes() == before

    def test_without_dvc_a_stage_needs_no_such_file(self) -> None:
        ran = []
        run(lambda: ran.append(True), "propose")
        assert ran

    def test_by_hand_the_files_are_as_dvc_has_them(self, project: Path) -> None:
        command = [sys.executable, "-m", "stages.code"]
        subprocess.run(command, cwd=project, env={"PYTHONPATH": str(ROOT)}, check=True)
        before = {path.name: path.read_bytes() for path in (project / "data/code").iterdir()}
        code.main()
        assert {path.name: path.read_bytes() for path in (project / "data/code").iterdir()} == before

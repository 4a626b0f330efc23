"""The stages are those of DVC, whatever is added to dvc.yaml; and which of its failures may pass."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from flows.gpus import count_gpus
from flows.pipeline import PipelineError, is_passing, read_pipeline, repro_command
from tests.pipeline.clone import ROOT, Clone, make_clone
from tests.pipeline.graph import DRAWN
from wsdkd.ground.code import Sources

# Lines that DVC 3.67 printed.
BUSY = [
    "ERROR: failed to reproduce 'distill_predictions': 'models/student' is busy, it is being blocked by:",
    "  (PID 4711): dvc repro",
]
LOCKED = [
    "ERROR: Unable to acquire lock. Most likely another DVC process is running or was terminated abruptly.",
]
UNREACHABLE = ['ERROR: unexpected error - Could not connect to the endpoint URL: "http://127.0.0.1:9/x"']
PUSH = ["ERROR: failed to push data to the cloud - 3 files failed to upload"]
STAGE = [
    "Connection timed out, says the stage itself",
    "error: data/scenes/a.jpg: No such file or directory",
    "ERROR: failed to reproduce 'evaluate': failed to run: python -m stages.evaluate, exited with 1",
]
WRONG = ["ERROR: 'dvc.yaml' validation failed."]


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return make_clone(tmp_path / "project")


def _edited(clone: Clone) -> dict[str, dict[str, object]]:
    document: dict[str, dict[str, object]] = YAML(typ="safe", pure=True).load(
        (clone.root / "dvc.yaml").read_text()
    )
    return document


def test_an_added_stage_is_a_step_with_its_dependencies(clone: Clone) -> None:
    before = [step.name for step in read_pipeline(clone.root)]
    document = _edited(clone)
    document["stages"]["export"] = {
        "cmd": "true",
        "deps": ["models/student", "reports/accuracy.json"],
        "outs": ["models/exported"],
    }
    (clone.root / "dvc.yaml").write_text(json.dumps(document))
    steps = read_pipeline(clone.root)
    assert [step.name for step in steps] == [*before, "export"]
    assert steps[-1].reads == {"distill_predictions", "evaluate"}
    # One of them stands before the other.
    assert steps[-1].upstream == ("evaluate",)
    assert not steps[-1].gpu
    assert DRAWN in before


def test_every_step_comes_after_those_it_needs(clone: Clone) -> None:
    seen: set[str] = set()
    for step in read_pipeline(clone.root):
        assert set(step.upstream) <= step.reads <= seen
        seen.add(step.name)
    assert clone.changed() == seen


def test_a_step_waits_for_its_direct_predecessors_alone() -> None:
    waits = {step.name: step.upstream for step in read_pipeline(ROOT)}
    assert waits == {
        "code": (),
        DRAWN: ("code",),
        "prepare": (DRAWN,),
        "propose": ("prepare",),
        "train_teacher": ("propose",),
        "cache_teacher": ("train_teacher",),
        "train_baseline": ("propose",),
        "distill_features": ("cache_teacher",),
        "distill_predictions": ("distill_features",),
        "evaluate": ("distill_predictions", "train_baseline"),
    }
    # All others stand before these, and what they made is read all the same.
    (evaluate,) = (step for step in read_pipeline(ROOT) if step.name == "evaluate")
    assert evaluate.reads == waits.keys() - {"evaluate", DRAWN}


def test_imported_data_is_no_step_and_a_frozen_stage_is_marked(clone: Clone) -> None:
    folder = clone.root / "imported"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    clone.dvc("add", "imported")
    clone.dvc("freeze", "train_teacher")
    steps = {step.name: step for step in read_pipeline(clone.root)}
    assert not any("imported" in name for name in steps)
    assert steps["train_teacher"].frozen
    assert not steps["cache_teacher"].frozen


def test_a_wrong_pipeline_is_told_in_dvc_s_words(clone: Clone) -> None:
    (clone.root / "params.yaml").write_text("dataset: {}\n")
    with pytest.raises(PipelineError, match="dvc: "):
        read_pipeline(clone.root)


def test_stages_that_load_torch_say_that_they_may_use_a_gpu() -> None:
    sources = Sources()
    for step in read_pipeline(ROOT):
        module = f"stages.{step.name.partition('@')[0]}"
        files = [sources.path(name) for name in sources.digests(module)]
        assert step.gpu == any("import torch\n" in file.read_text() for file in files if file), step.name


def test_gpus_are_counted_as_a_stage_would_see_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(
        f"#!{sys.executable}\nprint('GPU 0: A100 (UUID: GPU-1)\\nGPU 1: A100 (UUID: GPU-2)')\n"
    )
    program.chmod(0o755)
    for name in ("WSDKD_GPUS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("nvidia-smi")
    assert count_gpus() == 2
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert count_gpus() == 1
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert count_gpus() == 0
    monkeypatch.setenv("WSDKD_GPUS", "4")
    assert count_gpus() == 4
    monkeypatch.setenv("WSDKD_GPUS", "many")
    with pytest.raises(ValueError, match="WSDKD_GPUS=many: expected a whole number"):
        count_gpus()


@pytest.mark.parametrize("lines", [BUSY, LOCKED, UNREACHABLE, PUSH])
def test_locks_and_remotes_may_be_better_the_next_time(lines: list[str]) -> None:
    assert is_passing(lines)


@pytest.mark.parametrize("lines", [STAGE, WRONG, [], ["Could not connect"]])
def test_what_a_stage_fails_by_it_would_fail_by_again(lines: list[str]) -> None:
    assert not is_passing(lines)


def test_the_command_by_hand() -> None:
    assert " ".join(repro_command("prepare", pull=True)) == (
        "dvc --wait-for-lock repro --single-item --pull prepare"
    )

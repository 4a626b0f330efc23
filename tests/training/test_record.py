"""Curves; and states: an interrupted training ends with the very weights of one that was not."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest
import torch
from dvc.repo import Repo
from torch import nn

from tests.training.small_world import TRAINING, Curves, fresh_start, record_in
from wsdkd.data.tables import ImageRow
from wsdkd.ground.errors import UserError
from wsdkd.training.learner import Objective
from wsdkd.training.loader import Batch
from wsdkd.training.loop import Phase, Task, fit
from wsdkd.training.params import Optimisation
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import start
from wsdkd.training.record import Record, Resume, log_epoch, open_curves
from wsdkd.training.views import View

PARAMS = Optimisation(epochs=4, batch_size=4, learning_rate=1e-2, seed=3)
IMAGES = 12


class _Backbone(nn.Module):
    frozen_stages = 0

    def stem(self, images: torch.Tensor) -> torch.Tensor:
        return images.float() / 255


class _Objective(Objective):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = _Backbone()  # type: ignore[assignment]
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(0.5), nn.Flatten(), nn.Linear(4 * 36, 1))

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        return {"square": (self.layers(batch["stem"])[:, 0] - batch["wanted"]).square().mean()}


class _Stopped(Exception):
    pass


def _pictures(folder: Path) -> Pictures:
    from PIL import Image

    rows = []
    for place in range(IMAGES):
        Image.new("RGB", (8, 8), (20 * place, 10, 200)).save(folder / f"{place}.png")
        rows.append(ImageRow(str(place), f"{place}.png", 8, 8, "train", (), (), ""))
    return Pictures(rows, folder, [8])


def _wanted(views: Sequence[View]) -> Batch:
    return {"wanted": torch.tensor([float(view.row) for view in views])}


def _train(folder: Path, name: str, resume: Resume, stop_after: int | None = None) -> dict[str, torch.Tensor]:
    accelerator = start(PARAMS)
    objective = _Objective()
    epochs = 0

    def validate() -> dict[str, float]:
        nonlocal epochs
        if epochs == stop_after:
            raise _Stopped
        epochs += 1
        return {"epochs": float(epochs)}

    task = Task(objective, _pictures(folder), _wanted)
    with open_curves(folder / name, accelerator) as live:
        fit(Phase(task, PARAMS), Record("test", live, resume, validate), accelerator)
    return objective.state_dict()


def test_resumes_bitwise(tmp_path: Path) -> None:
    whole = _train(tmp_path, "whole", Resume(None))
    resume = Resume(tmp_path / "states")
    with pytest.raises(_Stopped):
        _train(tmp_path, "cut", resume, stop_after=2)
    resumed = _train(tmp_path, "resumed", resume)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    # The curves hold the epochs before the interruption too.
    curves = [
        (tmp_path / name / "plots/metrics/train/square.tsv").read_text() for name in ("whole", "resumed")
    ]
    assert curves[0] == curves[1]
    assert len(curves[0].splitlines()) == 1 + PARAMS.epochs


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    resume = Resume(tmp_path / "states")
    first = _train(tmp_path, "first", resume)
    again = _train(tmp_path, "again", resume, stop_after=0)
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_a_damaged_state_counts_as_none(tmp_path: Path) -> None:
    resume = Resume(tmp_path / "states")
    first = _train(tmp_path, "first", resume)
    state = tmp_path / "states/phase-0.pt"
    state.write_bytes(state.read_bytes()[:100])
    again = _train(tmp_path, "again", resume)
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_clear_leaves_nothing(tmp_path: Path) -> None:
    resume = Resume(tmp_path / "states")
    _train(tmp_path, "first", resume)
    (tmp_path / f"states/.phase-0.pt.{os.getppid()}.part").write_text("half of a state")
    resume.clear()
    assert not (tmp_path / "states").exists()


def test_what_somebody_put_beside_the_states_stays_and_hinders_nobody(tmp_path: Path) -> None:
    resume = Resume(tmp_path / "states")
    resume.save(0, {"epoch": 1})
    (tmp_path / "states/notes.txt").write_text("mine")
    resume.clear()
    assert [path.name for path in (tmp_path / "states").iterdir()] == ["notes.txt"]


def test_a_loss_that_is_no_number_ends_the_training(tmp_path: Path) -> None:
    def nothing(views: Sequence[View]) -> Batch:
        return {"wanted": torch.full((len(views),), torch.nan)}

    with pytest.raises(UserError, match="no longer a number; lower training"):
        fit(
            Phase(Task(_Objective(), _pictures(tmp_path), nothing), PARAMS),
            record_in(Curves()),
            start(PARAMS),
        )


def test_curves_leave_nothing_but_curves(tmp_path: Path) -> None:
    class _Second:
        is_main_process = False

    with open_curves(tmp_path / "main", fresh_start(TRAINING)) as live:
        live.log_metric("train/labels", 1.0)
        live.next_step()
    with open_curves(tmp_path / "other", _Second()) as live:  # type: ignore[arg-type]
        live.log_metric("train/labels", 1.0)
    written = (tmp_path / "main/plots/metrics/train/labels.tsv").read_text()
    assert written == "step\tlabels\n0\t1.0\n"
    assert not (tmp_path / "other").exists()


def _git_repository(folder: Path) -> None:
    identity = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")
    for command in (("init",), (*identity, "commit", "--allow-empty", "-m", "One"), ("repack", "-a")):
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)


def test_curves_leave_the_repository_they_run_in_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Left open, its pack files would be closed by the garbage collector, in the midst of anything.
    _git_repository(tmp_path)
    with Repo.init(str(tmp_path)) as repo:
        repo.scm.get_rev()
        assert _open_files(tmp_path / ".git")  # or this test would prove nothing
    monkeypatch.chdir(tmp_path)
    with open_curves(Path("curves"), fresh_start(TRAINING)) as live:
        live.log_metric("train/labels", 1.0)
        assert not _open_files(tmp_path / ".git")
    assert not _open_files(tmp_path / ".git")
    assert (tmp_path / "curves/plots/metrics/train/labels.tsv").is_file()


def test_curves_make_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _git_repository(tmp_path)
    monkeypatch.chdir(tmp_path)
    with open_curves(tmp_path / "curves", fresh_start(TRAINING)) as live:
        live.log_metric("train/labels", 1.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", "curves"]


def _open_files(folder: Path) -> list[str]:
    paths = [Path(file.path) for file in psutil.Process().open_files()]
    return [path.name for path in paths if path.is_relative_to(folder)]


def test_a_state_with_one_flipped_bit_counts_as_none(tmp_path: Path) -> None:
    states, weights = Resume(tmp_path / "states"), torch.arange(4096.0)
    states.save(0, {"weights": weights})
    path = tmp_path / "states/phase-0.pt"
    content = bytearray(path.read_bytes())
    content[content.index(weights.numpy().tobytes()) + 5000] ^= 1
    path.write_bytes(content)
    # torch itself takes it as it is.
    assert not torch.equal(torch.load(path, weights_only=True)["weights"], weights)
    assert states.load(0) is None


def test_curves_that_nobody_wants_need_no_dvclive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dvclive", None)
    with open_curves(None, fresh_start(TRAINING)) as live:
        log_epoch(live, {"epoch": 3, "train": {"labels": 1.0}, "val": {}})
        assert live.step == 3

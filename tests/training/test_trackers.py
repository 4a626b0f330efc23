"""Curves that go to TensorBoard and MLflow as well."""

import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from accelerate import Accelerator

from stages.training import chosen_trackers
from wsdkd import project
from wsdkd.ground.errors import UserError
from wsdkd.training.params import Tracker
from wsdkd.training.record import log_epoch, open_curves
from wsdkd.training.trackers import absent

EPOCHS = [
    {"epoch": 0, "train": {"labels": 2.5}, "val": {"labels": 3.0, "mAP": 40.0}},
    {"epoch": 1, "train": {"labels": 1.5}, "val": {"labels": 2.0, "mAP": 45.5}},
]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of TensorBoard's own imports


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def log(*trackers: Tracker) -> None:
    with open_curves(project.CURVES / "student", Accelerator(cpu=True), trackers, "the student") as live:
        for epoch in EPOCHS:
            log_epoch(live, epoch)


def curve(name: str) -> list[list[str]]:
    lines = (project.CURVES / f"student/plots/metrics/{name}.tsv").read_text().splitlines()
    return [line.split("\t")[-2:] for line in lines[1:]]


def test_tensorboard_gets_the_epochs_that_the_curves_have() -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log("tensorboard")
    assert curve("val/mAP") == [["0", "40.0"], ["1", "45.5"]]
    read = EventAccumulator(str(project.TENSORBOARD / "the student"))
    read.Reload()
    assert set(read.Tags()["scalars"]) == {"train/labels", "val/labels", "val/mAP"}
    assert [(each.step, each.value) for each in read.Scalars("val/mAP")] == [(0, 40.0), (1, 45.5)]


def test_mlflow_gets_a_run_a_training_where_its_own_variables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[object, ...]] = []

    def noted(name: str) -> object:
        return lambda *values, **named: said.append((name, *values, *named.values())) or nullcontext()

    names = ("set_tracking_uri", "set_experiment", "start_run", "log_metric")
    module = SimpleNamespace(__spec__="is there", **{name: noted(name) for name in names})
    monkeypatch.setitem(sys.modules, "mlflow", module)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    log("mlflow", "mlflow")
    assert said == [
        ("set_tracking_uri", f"sqlite:///{project.MLFLOW.absolute()}"),
        ("start_run", "the student"),
        ("log_metric", "train/labels", 2.5, 0),
        ("log_metric", "val/labels", 3.0, 0),
        ("log_metric", "val/mAP", 40.0, 0),
        ("log_metric", "train/labels", 1.5, 1),
        ("log_metric", "val/labels", 2.0, 1),
        ("log_metric", "val/mAP", 45.5, 1),
    ]


def test_nobody_gets_anything_unless_asked() -> None:
    log()
    assert [path.name for path in project.REPORTS.iterdir()] == ["curves"]


def test_what_is_not_installed_is_refused_before_anything_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    told = "tracking.trackers: mlflow is not installed; run: pip install mlflow-skinny"
    with pytest.raises(UserError) as refused:
        log("tensorboard", "mlflow")
    assert str(refused.value) == f"params.yaml: {told}"
    assert not project.TENSORBOARD.exists()
    assert absent(["tensorboard", "mlflow"]) == [told]


@pytest.mark.parametrize(
    ("section", "trackers"),
    [
        ("tracking: {trackers: [mlflow, tensorboard]}", ("mlflow", "tensorboard")),
        ("tracking: {}", ()),
        ("", ()),
    ],
)
def test_a_parameter_names_them_and_older_files_name_none(section: str, trackers: tuple[str, ...]) -> None:
    Path("params.yaml").write_text(f"doubts: {{}}\n{section}\n")
    assert chosen_trackers() == trackers


def test_an_unknown_one_is_refused_by_its_name() -> None:
    Path("params.yaml").write_text("tracking: {trackers: [tensorboard, wandb]}\n")
    told = "params.yaml: tracking.trackers.1: should be 'tensorboard' or 'mlflow', got 'wandb'"
    with pytest.raises(UserError) as refused:
        chosen_trackers()
    assert str(refused.value) == told

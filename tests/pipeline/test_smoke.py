"""The whole pipeline on the smoke profile, and a second clone of it."""

import json
from pathlib import Path

import pytest

from tests.pipeline.clone import Clone, make_clone

pytestmark = pytest.mark.xdist_group("smoke")

BLIND = [
    "propose",
    "train_teacher",
    "cache_teacher",
    "train_baseline",
    "distill_features",
    "distill_predictions",
]


def test_a_second_run_has_nothing_to_do(smoke: Clone) -> None:
    assert smoke.repro() == set()
    assert smoke.changed() == set()


def test_the_reports_are_there(smoke: Clone) -> None:
    metrics = json.loads((smoke.root / "reports/metrics.json").read_text())
    for network in ("baseline", "teacher", "student"):
        assert {"mAP", "CP", "CR", "CF1", "OP", "OR", "OF1", "top3_CF1"} <= set(metrics[network])
    assert {"gain_mAP", "gap_recovered", "cost", "protocol"} <= set(metrics)
    assert metrics["gain_mAP"] == pytest.approx(metrics["student"]["mAP"] - metrics["baseline"]["mAP"])
    assert "reports/metrics.json" in smoke.dvc("metrics", "show")


def test_accuracies_are_the_metrics_without_the_speeds(smoke: Clone) -> None:
    metrics = json.loads((smoke.root / "reports/metrics.json").read_text())
    accuracy = json.loads((smoke.root / "reports/accuracy.json").read_text())
    del metrics["cost"]
    assert accuracy == metrics


def test_metrics_are_written_anew_when_a_parameter_changes_back(smoke: Clone) -> None:
    # DVC's run cache would bring back accuracy.json and leave metrics.json, which is no output.
    params, metrics = smoke.root / "params.yaml", smoke.root / "reports/metrics.json"
    text, before = params.read_text(), json.loads(metrics.read_text())
    params.write_text(text.replace("top_k_rule: always", "top_k_rule: above_threshold"))
    assert smoke.repro() == {"evaluate"}
    assert json.loads(metrics.read_text())["protocol"] != before["protocol"]
    params.write_text(text)
    assert smoke.repro() == {"evaluate"}
    assert json.loads(metrics.read_text())["protocol"] == before["protocol"]


def test_a_second_clone_agrees_though_its_training_stages_have_no_boxes(smoke: Clone, tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "elsewhere", workers=1)
    clone.repro("prepare")
    objects = clone.root / "data/prepared/objects.parquet"
    objects.rename(tmp_path / "hidden.parquet")
    assert clone.repro("--single-item", *BLIND) == set(BLIND)
    assert not objects.exists()
    (tmp_path / "hidden.parquet").rename(objects)
    assert clone.repro() == {"evaluate"}
    assert clone.lock() == smoke.lock()

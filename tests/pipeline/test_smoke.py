"""The whole pipeline on the smoke profile, in two clones."""

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.pipeline.clone import Clone, make_clone
from tests.pipeline.graph import ASKED, BLIND


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone whose training stages ran while the annotated boxes were out of their reach."""
    clone = make_clone(tmp_path_factory.mktemp("blind") / "elsewhere", workers=1)
    clone.repro("prepare")
    objects = clone.root / "data/prepared/objects.parquet"
    hidden = objects.rename(clone.root.parent / "hidden.parquet")
    blind = [name for name in BLIND if name not in ASKED]
    assert clone.repro("--single-item", *blind) == set(blind)
    assert not objects.exists()
    hidden.rename(objects)
    assert clone.repro() == {"evaluate"}
    return clone


def test_a_second_run_has_nothing_to_do(clone: Clone) -> None:
    assert clone.repro() == set()
    assert clone.changed() == set()


def test_the_reports_are_there(clone: Clone) -> None:
    metrics = json.loads((clone.root / "reports/metrics.json").read_text())
    for network in ("baseline", "teacher", "student"):
        assert {"mAP", "CP", "CR", "CF1", "OP", "OR", "OF1", "top3_CF1"} <= set(metrics[network])
    assert {"gain_mAP", "cost", "protocol"} <= set(metrics)
    # An untrained teacher need not lead, and then there is no gap.
    assert {"gap_recovered", "gap_recovered_reason"} & set(metrics)


def test_accuracies_are_the_metrics_without_what_differs_from_run_to_run(clone: Clone) -> None:
    metrics = json.loads((clone.root / "reports/metrics.json").read_text())
    accuracy = json.loads((clone.root / "reports/accuracy.json").read_text())
    del metrics["cost"], metrics["made"]
    assert accuracy == metrics


def test_metrics_are_written_anew_when_a_parameter_changes_back(clone: Clone) -> None:
    # DVC's run cache would bring back accuracy.json and leave metrics.json, which is no output.
    params, metrics = clone.root / "params.yaml", clone.root / "reports/metrics.json"
    text, before = params.read_text(), json.loads(metrics.read_text())
    params.write_text(text.replace("top_k_rule: always", "top_k_rule: above_threshold"))
    assert clone.repro() == {"evaluate"}
    assert json.loads(metrics.read_text())["protocol"] != before["protocol"]
    params.write_text(text)
    assert clone.repro() == {"evaluate"}
    assert json.loads(metrics.read_text())["protocol"] == before["protocol"]


def test_two_clones_agree_in_every_hash(clone: Clone, smoke_lock: Path) -> None:
    """Neither the folder, nor the number of workers, nor boxes in reach make a difference."""
    one, other = (_stages(path) for path in (clone.root / "dvc.lock", smoke_lock))
    assert one.keys() == other.keys()
    for stage, entry in one.items():
        assert entry == other[stage]


def _stages(lock: Path) -> dict[str, object]:
    stages: dict[str, object] = YAML(typ="safe", pure=True).load(lock.read_text())["stages"]
    return stages

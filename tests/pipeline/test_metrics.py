"""DVC compares runs by the figures of reports/summary.json."""

import json
import shutil
from pathlib import Path

import pytest

from tests.pipeline.clone import Clone

FIGURES = {"mAP.baseline", "mAP.teacher", "mAP.student", "gain_mAP", "CF1", "OF1"}


@pytest.fixture(scope="module")
def committed(smoke: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone whose last commit holds a finished run."""
    root = tmp_path_factory.mktemp("committed") / "project"
    shutil.copytree(smoke.root, root, symlinks=True)
    clone = Clone(root)
    clone.git("add", "dvc.lock")
    clone.git("commit", "--quiet", "-m", "Run")
    return clone


def test_the_metrics_of_a_run_fit_a_terminal(committed: Clone) -> None:
    head, values = committed.dvc("metrics", "show").splitlines()
    assert set(head.split()) == {"Path", *FIGURES}
    assert values.split()[0] == "reports/summary.json"
    assert max(len(head), len(values)) <= 100


def test_two_runs_are_compared(committed: Clone) -> None:
    before = json.loads((committed.root / "reports/summary.json").read_text())
    committed.change("evaluation.threshold=0.01")
    assert committed.repro("evaluate") == {"evaluate"}
    after = json.loads((committed.root / "reports/summary.json").read_text())
    assert after["OF1"] != before["OF1"]
    found = json.loads(committed.dvc("metrics", "diff", "--json", "HEAD"))
    assert list(found) == ["reports/summary.json"]
    changed = found["reports/summary.json"]
    assert changed["OF1"]["old"] == before["OF1"]
    assert changed["OF1"]["new"] == after["OF1"]
    assert "mAP.student" not in changed  # a threshold moves no ranking
    between = json.loads(committed.dvc("exp", "diff", "--json"))
    assert between["metrics"]["reports/summary.json"]["OF1"] == changed["OF1"]
    assert between["params"]["params.yaml"]["evaluation.threshold"]["new"] == 0.01

    rows = json.loads(committed.dvc("exp", "show", "--json"))
    workspace, head = rows[0], rows[1]
    for row, figures in ((workspace, after), (head, before)):
        assert row["data"]["metrics"]["reports/summary.json"]["data"] == figures


def test_the_report_is_kept_by_dvc(committed: Clone) -> None:
    page = committed.root / "reports/report.html"
    text = page.read_text(encoding="utf-8")
    page.unlink()
    committed.dvc("checkout", "reports/report.html")
    assert page.read_text(encoding="utf-8") == text
    assert str(Path(committed.root).parent) not in text

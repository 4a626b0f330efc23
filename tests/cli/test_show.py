"""``wsdkd show`` on a sample of what an evaluation writes."""

import copy
import json

import pytest
from typer.testing import CliRunner

from wsdkd.cli.show import app
from wsdkd.ground.errors import UserError

FIGURES = {"CP": 61.04, "CR": 52.0, "CF1": 56.2, "OP": 63.0, "OR": 55.0, "OF1": 58.7}
NETWORK = {"mAP": 60.25, **FIGURES, **{f"top3_{name}": value - 1 for name, value in FIGURES.items()}}
SAMPLE = {
    "gain_mAP": 7.014,
    "gain_mAP_interval": [5.9, 8.1],
    "gap_recovered": 0.512,
    "baseline": {**NETWORK, "mAP": 53.24},
    "teacher": {**NETWORK, "mAP": 66.94, "AP50": 31.5, "COCO_AP": 12.3, "CorLoc": 44.4},
    "student": NETWORK,
    "proposals": {"recall_0.5": 93.1, "recall_0.7": 70.2, "mean_boxes": 100.0},
    "counts": {"train_images": 1000, "test_images": 500, "classes": 20},
    "classes_without_positives": [],
    "protocol": {
        "AP": "non-interpolated",
        "threshold": 0.5,
        "top_k": 3,
        "top_k_rule": "always",
        "unlabelled": "keep",
        "interval_level": 0.95,
    },
    "cost": {
        "device": "cpu",
        "batch_size": 8,
        "teacher": {"parameters": 4_200_000, "multiply_adds": 1_500_000_000, "images_per_second": 12.34},
        "student": {"parameters": 3_400_000, "multiply_adds": 100_000_000, "images_per_second": 160.0},
    },
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")

    def call(metrics):
        text = metrics if isinstance(metrics, str) else json.dumps(metrics)
        (tmp_path / "metrics.json").write_text(text, encoding="utf-8")
        return CliRunner().invoke(app, ["--reports", str(tmp_path)])

    return call


def test_prints_the_table_and_names_the_files(run, tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "gain_per_class.png").touch()
    answer = run(SAMPLE)
    assert answer.exit_code == 0, answer.exception
    lines = {line.split()[0]: line.split() for line in answer.stdout.splitlines() if line.strip()}
    for expected in (
        "500 test images, 20 classes, percent",
        "gain of distillation: +7.01 mAP; 95% interval over test images +5.90 to +8.10",
        "gap recovered: 0.51 of the teacher's lead",
        "teacher's localisation: AP50 31.5, COCO AP 12.3, CorLoc 44.4",
        "recall of the proposals: 93.1 at IoU 0.5, 70.2 at IoU 0.7",
        "protocol: AP non-interpolated",
        "1.500 G",
    ):
        assert expected in answer.stdout
    assert lines["above"] == [
        "above",
        "0.5",
        "baseline",
        "53.2",
        "61.0",
        "52.0",
        "56.2",
        "63.0",
        "55.0",
        "58.7",
    ]
    assert lines["top"] == ["top", "3", "baseline", "60.0", "51.0", "55.2", "62.0", "54.0", "57.7"]
    assert str(tmp_path / "pictures" / "gain_per_class.png") in answer.stdout
    assert "precision_recall.png" not in answer.stdout


def test_says_what_is_absent_and_why(run):
    metrics = copy.deepcopy(SAMPLE)
    for key in ("AP50", "COCO_AP", "CorLoc"):
        del metrics["teacher"][key]
    del metrics["proposals"]
    metrics["absent"] = {"AP50, CorLoc": "the dataset has no boxes"}
    metrics["gap_recovered"], metrics["gap_recovered_reason"] = None, "the teacher does not lead"
    metrics["classes_without_positives"] = ["zebra", "yak"]
    answer = run(metrics)
    assert answer.exit_code == 0, answer.exception
    assert "AP50, CorLoc: absent, the dataset has no boxes" in answer.stdout
    assert "gap recovered: none, the teacher does not lead" in answer.stdout
    assert "no test image has them: zebra, yak" in answer.stdout


@pytest.mark.parametrize("content", ["{", "[]", "{}", json.dumps({**SAMPLE, "baseline": 3})])
def test_refuses_what_is_no_report(run, tmp_path, content):
    answer = run(content)
    assert isinstance(answer.exception, UserError)
    assert str(tmp_path / "metrics.json") in str(answer.exception)
    assert "dvc repro" in str(answer.exception)


def test_says_when_there_are_no_results_yet(tmp_path):
    answer = CliRunner().invoke(app, ["--reports", str(tmp_path)])
    assert isinstance(answer.exception, UserError)
    assert "no results yet, run: dvc repro" in str(answer.exception)

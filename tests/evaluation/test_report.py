"""The numbers under the names they are reported by."""

import csv

import numpy as np
import pytest

from wsdkd.evaluation.files import class_rows, write_class_rows
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.evaluation.report import classification, comparison
from wsdkd.evaluation.truth import Truth

GENERATOR = np.random.default_rng(0)
LABELS = (GENERATOR.random((80, 5)) < 0.3).astype(np.float32)
TRUTH = Truth(LABELS, np.ones(LABELS.shape, dtype=bool))


def scores(strength):
    return (GENERATOR.random(LABELS.shape) + strength * LABELS) / (1 + strength)


def test_classification_has_all_names():
    found = classification(scores(1.0), TRUTH, EvaluationParams())
    figures = ["CP", "CR", "CF1", "OP", "OR", "OF1"]
    assert list(found) == ["mAP", *figures, *(f"top3_{name}" for name in figures)]
    assert all(0 <= value <= 100 for value in found.values())
    assert "top5_OF1" in classification(scores(1.0), TRUTH, EvaluationParams(top_k=5))


def test_perfect_scores():
    found = classification(LABELS, TRUTH, EvaluationParams())
    assert {name: found[name] for name in ("mAP", "CF1", "OF1")} == pytest.approx(
        {"mAP": 100, "CF1": 100, "OF1": 100}
    )


def test_gap_recovered():
    found = comparison({"baseline": scores(0.1), "student": scores(0.4), "teacher": LABELS}, TRUTH)
    assert 0 < found["gap_recovered"] < 1
    low, high = found["gain_mAP_interval"]
    assert low < found["gain_mAP"] < high


def test_gap_without_a_leading_teacher_is_null_with_a_reason():
    found = comparison({"baseline": LABELS, "student": LABELS, "teacher": scores(0.0)}, TRUTH)
    assert found["gap_recovered"] is None
    assert "does not lead" in found["gap_recovered_reason"]


def test_classes_are_sorted_by_frequency_and_written(tmp_path):
    precisions = {
        "baseline": np.array([10.0, 20.0, np.nan]),
        "teacher": np.array([30.0, 40.0, np.nan]),
        "student": np.array([15.0, 18.0, np.nan]),
    }
    rows = class_rows(["cat", "dog, wet", "yak"], np.array([5, 9, 5]), np.array([2, 3, 0]), precisions, None)
    write_class_rows(tmp_path / "per_class.csv", rows)
    with (tmp_path / "per_class.csv").open(newline="", encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    assert [row["name"] for row in written] == ["dog, wet", "cat", "yak"]
    assert written[0]["gain"] == "-2.0"
    assert written[1]["AP_student"] == "15.0"
    assert {written[2][key] for key in ("gain", "AP_teacher", "AP50_teacher")} == {""}

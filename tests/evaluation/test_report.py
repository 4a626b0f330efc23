"""The numbers under the names they are reported by, against scikit-learn and hand-worked cases."""

import csv

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score

from tests.evaluation.small_report import scores, truth
from wsdkd.evaluation.files import class_rows, write_class_rows
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.evaluation.report import classification, comparison, protocol
from wsdkd.evaluation.truth import Truth
from wsdkd.student.params import BaselineParams
from wsdkd.teacher.run import PictureView

TRUTH = truth()
LABELS = TRUTH.labels
WEAK, MIDDLE, STRONG = (
    scores(strength, LABELS, seed) for seed, strength in enumerate((0.1, 0.4, 0.9), start=1)
)


def reference_map(said: np.ndarray) -> float:
    return float(100 * average_precision_score(LABELS, said, average="macro"))


def test_classification_agrees_with_scikit_learn_under_each_name() -> None:
    found = classification(MIDDLE, TRUTH, EvaluationParams(threshold=0.4, top_k=2))
    assert found["mAP"] == pytest.approx(reference_map(MIDDLE))
    order = np.argsort(-MIDDLE, axis=1)
    best = np.zeros(LABELS.shape, dtype=bool)
    np.put_along_axis(best, order[:, :2], True, axis=1)
    for prefix, predicted in (("", MIDDLE > 0.4), ("top2_", best)):
        for letter, average in (("C", "macro"), ("O", "micro")):
            precision = 100 * precision_score(LABELS, predicted, average=average, zero_division=0)
            recall = 100 * recall_score(LABELS, predicted, average=average)
            assert found[f"{prefix}{letter}P"] == pytest.approx(precision)
            assert found[f"{prefix}{letter}R"] == pytest.approx(recall)
            harmonic = 2 * precision * recall / (precision + recall)
            assert found[f"{prefix}{letter}F1"] == pytest.approx(harmonic)
        assert found[f"{prefix}OF1"] == pytest.approx(100 * f1_score(LABELS, predicted, average="micro"))
    assert len(found) == 1 + 2 * 6


def test_a_top_label_may_have_to_pass_the_threshold() -> None:
    # Top 2 of (0.9, 0.6, 0.4): both are predicted by one rule, and the first alone above 0.7 by the other.
    labels = Truth(np.array([[1.0, 0, 0]], np.float32), np.ones((1, 3), bool))
    said = np.array([[0.9, 0.6, 0.4]])
    always = classification(said, labels, EvaluationParams(threshold=0.7, top_k=2))
    above = classification(
        said, labels, EvaluationParams(threshold=0.7, top_k=2, top_k_rule="above_threshold")
    )
    assert (always["top2_OP"], above["top2_OP"]) == (pytest.approx(50), pytest.approx(100))


def test_gain_and_the_share_of_the_teachers_lead() -> None:
    found = comparison({"baseline": WEAK, "student": MIDDLE, "teacher": STRONG}, TRUTH)
    before, after, lead = (reference_map(said) for said in (WEAK, MIDDLE, STRONG))
    assert found["gain_mAP"] == pytest.approx(after - before)
    assert found["gap_recovered"] == pytest.approx((after - before) / (lead - before))
    assert 0 < found["gap_recovered"] < 1
    low, high = found["gain_mAP_interval"]
    assert low < found["gain_mAP"] < high
    assert "gap_recovered_reason" not in found


def test_gap_without_a_leading_teacher_is_null_with_a_reason() -> None:
    found = comparison({"baseline": MIDDLE, "student": STRONG, "teacher": WEAK}, TRUTH)
    assert found["gap_recovered"] is None
    behind = reference_map(WEAK) - reference_map(MIDDLE)
    assert f"the teacher does not lead the baseline (by {behind:.2f} points)" in found["gap_recovered_reason"]
    assert found["gain_mAP"] > 0


def test_protocol_names_what_the_figures_depend_on() -> None:
    views = [PictureView(size, mirrored) for size in (480, 672) for mirrored in (False, True)]
    params = EvaluationParams(threshold=0.3, top_k=5, unlabelled="drop", detections=20, nms_iou=0.4)
    found = protocol(params, "bf16", views, "support", {}, BaselineParams())
    assert found["teacher_views"] == "480, 672 px and mirrored"
    assert found["baseline"] == "labels alone"
    regions = BaselineParams(regions=6, throughout=True)
    other = protocol(params, "fp32", views[:1], "scores", {}, regions)
    assert other["teacher_views"] == "480 px"
    assert other["baseline"] == "labels, and 6 random regions of each image in both schedules; no teacher"
    assert found["regions_ranked_by"] == "support"
    assert found["precision"] == "bf16"
    assert found["detections"] == "at most 20 an image, NMS at IoU 0.4"
    assert (found["threshold"], found["top_k"], found["unlabelled"]) == (0.3, 5, "drop")


def test_classes_are_sorted_by_frequency_and_written(tmp_path) -> None:
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
    assert [row["train_images"] for row in written] == ["9", "5", "5"]
    assert written[0]["gain"] == "-2.0"
    assert written[1]["AP_student"] == "15.0"
    assert {written[2][key] for key in ("gain", "AP_teacher", "AP50_teacher")} == {""}

"""Thresholds of classes, against all thresholds that there are."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import expit
from sklearn.metrics import f1_score, precision_score, recall_score

from tests.evaluation.test_calibration import sample
from wsdkd.evaluation.operating_point import OperatingPoint, operating_point
from wsdkd.evaluation.params import EvaluationParams, OperatingPointParams
from wsdkd.evaluation.report import at_operating_point
from wsdkd.evaluation.truth import Truth
from wsdkd.student.validation import count_labels

LOGITS, LABELS, KNOWN = sample(120)
ALL = np.ones_like(KNOWN)


def point(logits: np.ndarray = LOGITS, labels: np.ndarray = LABELS, **params: object) -> OperatingPoint:
    chosen = EvaluationParams(operating_point=OperatingPointParams.model_validate(params))
    return operating_point(count_labels(logits, labels, np.ones(labels.shape, bool)), labels.shape[1], chosen)


def test_no_threshold_has_a_better_f1_where_no_prior_is_added() -> None:
    given = point(prior=0.0).given(LOGITS)
    for k in range(3):
        every = [f1_score(LABELS[:, k], LOGITS[:, k] > at) for at in [*(np.unique(LOGITS[:, k]) - 1e-3)]]
        assert f1_score(LABELS[:, k], given[:, k]) == pytest.approx(max(every), abs=0.01)


@pytest.mark.parametrize("wanted", [0.6, 0.9])
def test_the_wanted_precision_or_recall_is_reached_at_the_least_cost(wanted: float) -> None:
    generator = np.random.default_rng(5)
    labels = (generator.random((150, 3)) < 0.3).astype(np.float32)
    logits = generator.normal(3 * labels - 1.5, 1.2).astype(np.float32)
    for aim, score, other in (
        ("precision", precision_score, recall_score),
        ("recall", recall_score, precision_score),
    ):
        given = point(logits, labels, prior=0.0, aim=aim, wanted=wanted).given(logits)
        for k in range(3):
            assert score(labels[:, k], given[:, k]) >= wanted
            best = max(
                other(labels[:, k], logits[:, k] > at)
                for at in np.unique(logits[:, k])[:-1]
                if score(labels[:, k], logits[:, k] > at) >= wanted
            )
            assert other(labels[:, k], given[:, k]) == pytest.approx(best, abs=0.03)


def test_a_precision_that_no_threshold_reaches_is_come_near_to() -> None:
    labels = np.array([[1.0], [0.0], [0.0], [1.0]] * 5, np.float32)
    logits = np.tile(np.array([[-1.0], [-1.0], [2.0], [2.0]], np.float32), (5, 1))
    found = point(logits, labels, prior=0.0, aim="precision", wanted=0.9)
    assert precision_score(labels[:, 0], found.given(logits)[:, 0]) == 0.5


def test_a_class_that_no_validation_image_has_takes_the_average_classs_threshold() -> None:
    labels = LABELS.copy()
    labels[:, 2] = 0
    found, shared = point(labels=labels), point(labels=labels, prior=1e9)
    np.testing.assert_allclose(shared.thresholds, shared.thresholds[0])
    assert np.ptp(found.thresholds) > 0.01
    assert np.isfinite(found.thresholds).all()


def test_the_prior_keeps_thresholds_of_few_positives_together() -> None:
    spread = [np.ptp(point(prior=prior).logit_thresholds) for prior in (0.0, 20.0, 2000.0)]
    assert spread[0] > spread[1] > spread[2]


@pytest.mark.parametrize("calibration", ["temperature", "isotonic", "none"])
def test_labels_are_those_whose_probability_is_above_their_threshold(calibration: str) -> None:
    found = point(calibration=calibration)
    logits, _, _ = sample(500, seed=1)
    np.testing.assert_array_equal(found.probabilities(logits) > found.thresholds, found.given(logits))
    np.testing.assert_array_equal(expit(logits.astype(float)) > found.score_thresholds, found.given(logits))
    # Of one image alone, too.
    np.testing.assert_array_equal(found.probabilities(logits[0]), found.probabilities(logits)[0])
    assert found.origin == "chosen for F1 on 120 validation images"


def test_without_counts_or_wish_the_threshold_is_that_of_every_class() -> None:
    counts = count_labels(LOGITS, LABELS, ALL)
    for found, reason in (
        (operating_point(None, 3, EvaluationParams(threshold=0.3)), "no validation image tells more"),
        (operating_point(counts, 3, EvaluationParams(threshold=0.3, operating_point=None)), "none is wanted"),
    ):
        assert not found.chosen
        assert found.origin == f"0.3 for every class, as {reason}"
        np.testing.assert_allclose(found.thresholds, 0.3)
        np.testing.assert_allclose(found.probabilities(LOGITS), expit(LOGITS.astype(float)))


def test_what_is_reported() -> None:
    found = point(aim="recall", wanted=0.7)
    figures = at_operating_point(LOGITS, Truth(LABELS, ALL), found)
    given = found.given(LOGITS)
    assert figures["chosen_OF1"] == pytest.approx(100 * f1_score(LABELS, given, average="micro"))
    assert figures["chosen_CR"] == pytest.approx(100 * recall_score(LABELS, given, average="macro"))
    assert figures["NLL_calibrated"] < figures["NLL"]
    assert found.protocol() == {
        "thresholds": "chosen for recall 0.7 on 120 validation images",
        "temperature": found.calibration.temperature,
    }
    kept = operating_point(None, 3, EvaluationParams())
    assert set(at_operating_point(LOGITS, Truth(LABELS, ALL), kept)) == {"NLL", "ECE"}


def test_a_wish_and_its_aim_go_together() -> None:
    with pytest.raises(ValidationError, match=r"wanted: should be null where aim is F1, got 0\.8"):
        OperatingPointParams(wanted=0.8)
    with pytest.raises(ValidationError, match=r"wanted: should be a share, such as 0.8, where aim is recall"):
        OperatingPointParams(aim="recall")

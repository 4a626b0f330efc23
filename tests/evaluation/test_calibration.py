"""Calibrations and their measures, against scikit-learn and torchmetrics."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from torchmetrics.functional.classification import binary_calibration_error

from wsdkd.evaluation.calibration import (
    ECE_BINS,
    SLOPE,
    calibration_error,
    fit_isotonic,
    fit_temperature,
    log_odds,
    negative_log_likelihood,
    sigmoid,
)
from wsdkd.student.validation import ValidationCounts, count_labels

STEEPNESS = 3.0
"""By which the logits are larger than the truth's."""


def sample(images: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    true = generator.normal([-2, -1, -3], 1.5, (images, 3))
    labels = (generator.random(true.shape) < expit(true)).astype(np.float32)
    return (STEEPNESS * true).astype(np.float32), labels, generator.random(true.shape) < 0.9


LOGITS, LABELS, KNOWN = sample(900)


def counts(images: int = 900) -> ValidationCounts:
    found = count_labels(*sample(images))
    assert found is not None
    return found


def test_the_temperature_is_that_of_a_regression_on_the_logits() -> None:
    regression = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8)
    regression.fit(LOGITS[KNOWN][:, None].astype(float), LABELS[KNOWN])
    found = fit_temperature(counts()).temperature
    assert found == pytest.approx(1 / regression.coef_[0, 0], rel=0.01)
    assert found == pytest.approx(STEEPNESS, rel=0.1)


def searched(kept: ValidationCounts) -> float:
    """The temperature that SciPy's search finds, which sees the loss and not its slope."""

    def loss(log_temperature: float) -> float:
        scaled = kept.logits * np.exp(-log_temperature)
        wrong = kept.present * np.logaddexp(0, -scaled) + kept.absent * np.logaddexp(0, scaled)
        return float(wrong.sum())

    found = minimize_scalar(loss, bounds=(-4, 4), method="bounded", options={"xatol": 1e-8})
    return round(float(np.exp(found.x)), 4)


@pytest.mark.parametrize("steepness", [0.001, 0.3, 3.0, 200.0, -1.0])
def test_the_temperature_is_the_one_that_a_search_finds(steepness: float) -> None:
    logits, labels, known = sample(200)
    kept = count_labels(steepness * logits, labels, known)
    assert kept is not None
    assert fit_temperature(kept).temperature == searched(kept)


def test_probabilities_and_their_logits_are_scipys() -> None:
    generator = np.random.default_rng(0)
    logits = np.concatenate([generator.normal(0, 8, 20_000), [-800, -40, 0, 40, 800]])
    np.testing.assert_array_max_ulp(sigmoid(logits), expit(logits), 2)
    probabilities = np.concatenate([generator.random(20_000), np.arange(1, 1000) / 1000, [0, 1e-300, 1]])
    np.testing.assert_array_max_ulp(log_odds(probabilities), logit(probabilities), 2)
    assert sigmoid(logits[:6].reshape(2, 3)).shape == log_odds(np.full((2, 3), 0.5)).shape == (2, 3)


def test_curves_are_scikit_learns_where_no_prior_is_added() -> None:
    kept = counts()
    curves = fit_isotonic(kept, prior=0)
    for k in range(3):
        present, absent = kept.present[k], kept.absent[k]
        used = present + absent > 0
        reference = IsotonicRegression(out_of_bounds="clip").fit(
            np.repeat(kept.logits[used], 2),
            np.tile([1.0, 0.0], used.sum()),
            np.stack([present, absent], axis=1)[used].ravel(),
        )
        found = expit(curves.logits(LOGITS))[:, k]
        np.testing.assert_allclose(found, reference.predict(LOGITS[:, k]), atol=2 * SLOPE)
        order = np.argsort(LOGITS[:, k])
        assert (np.diff(found[order]) >= 0).all()
    assert 0 < curves.probabilities.min() < curves.probabilities.max() < 1


def test_a_prior_without_end_gives_all_classes_one_curve() -> None:
    own, shared = fit_isotonic(counts(), 0).probabilities, fit_isotonic(counts(), 1e9).probabilities
    np.testing.assert_allclose(shared, np.broadcast_to(shared[0], shared.shape), atol=1e-6)
    assert np.abs(own - own[0]).max() > 0.05


def test_both_calibrations_come_nearer_to_the_truth_on_other_images() -> None:
    logits, labels, known = sample(2000, seed=1)
    before = negative_log_likelihood(logits, labels, known), calibration_error(logits, labels, known)
    for calibration in (fit_temperature(counts(200)), fit_isotonic(counts(200), 20)):
        made = calibration.logits(logits)
        assert negative_log_likelihood(made, labels, known) < 0.8 * before[0]
        assert calibration_error(made, labels, known) < 0.5 * before[1]


def test_negative_log_likelihood_is_scikit_learns() -> None:
    expected = log_loss(LABELS[KNOWN], expit(LOGITS[KNOWN].astype(float)), normalize=False) / len(LABELS)
    assert negative_log_likelihood(LOGITS, LABELS, KNOWN) == pytest.approx(expected)
    # A certainty that is wrong costs its logit, not infinitely much.
    wrong = negative_log_likelihood(np.full((1, 1), -90.0), np.ones((1, 1)), np.ones((1, 1), bool))
    assert wrong == pytest.approx(90)


def test_the_calibration_error_is_torchmetrics() -> None:
    said = torch.from_numpy(expit(LOGITS[KNOWN].astype(float)))
    expected = binary_calibration_error(
        said, torch.from_numpy(LABELS[KNOWN]).int(), n_bins=ECE_BINS, norm="l1"
    )
    assert calibration_error(LOGITS, LABELS, KNOWN) == pytest.approx(100 * float(expected), abs=1e-4)


def test_labels_that_are_told_apart_have_an_end_to_their_temperature() -> None:
    labels = np.array([[1.0], [0.0]] * 4, np.float32)
    apart = count_labels(np.where(labels > 0, 2, -2).astype(np.float32), labels, np.ones((8, 1), bool))
    assert apart is not None
    assert 0 < fit_temperature(apart).temperature < 0.1

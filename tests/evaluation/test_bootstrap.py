"""The bootstrap against one that resamples the arrays themselves."""

import numpy as np
import pytest

from wsdkd.evaluation import bootstrap
from wsdkd.evaluation.bootstrap import gain_interval
from wsdkd.evaluation.ranking import average_precisions


def case(images=120, classes=4, levels=10):
    generator = np.random.default_rng(7)
    labels = (generator.random((images, classes)) < 0.25).astype(np.float32)
    noise = generator.random((2, images, classes))
    weak, strong = np.round((noise + labels * np.array([0.2, 0.6])[:, None, None]) * levels) / levels
    return weak, strong, labels, generator.random(labels.shape) < 0.9


def test_draws_are_scored_as_resampled_arrays_would_be():
    _, scores, labels, known = case()
    chosen = np.random.default_rng(1).integers(0, len(labels), size=(20, len(labels)))
    counts = np.stack([np.bincount(draw, minlength=len(labels)) for draw in chosen], axis=1)
    expected = [average_precisions(scores[draw], labels[draw], known[draw]) for draw in chosen]
    np.testing.assert_allclose(bootstrap._weighted_ap(scores, labels, known, counts), expected, atol=1e-5)


def test_interval_holds_the_gain_and_is_repeatable():
    weak, strong, labels, known = case()
    gain = np.nanmean(average_precisions(strong, labels, known) - average_precisions(weak, labels, known))
    low, high = gain_interval(weak, strong, labels, known, draws=300)
    assert 0 < low < gain < high
    assert gain_interval(weak, strong, labels, known, draws=300) == (low, high)


def test_chunks_do_not_change_the_interval(monkeypatch):
    weak, strong, labels, known = case()
    whole = gain_interval(weak, strong, labels, known, draws=100)
    monkeypatch.setattr(bootstrap, "_CHUNK_CELLS", 7 * len(labels))
    assert gain_interval(weak, strong, labels, known, draws=100) == pytest.approx(whole, abs=1e-9)


def test_equal_networks_gain_nothing():
    _, strong, labels, known = case()
    assert gain_interval(strong, strong, labels, known, draws=50) == (0.0, 0.0)


def test_draws_without_any_positive_are_passed_over():
    labels = np.array([[1.0], [0.0]])
    known = np.ones((2, 1), dtype=bool)
    low, high = gain_interval(np.array([[0.1], [0.9]]), np.array([[0.9], [0.1]]), labels, known, draws=50)
    assert 0 <= low <= high <= 50

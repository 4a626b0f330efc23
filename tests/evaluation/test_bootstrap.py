"""The bootstrap against one that resamples the arrays themselves, one draw at a time."""

import numpy as np
import pytest

from wsdkd.average_precision import average_precisions
from wsdkd.evaluation.bootstrap import DRAWS, f1_gain_interval, gain_and_mean_intervals, gain_interval


def case(images=120, classes=4, frequency=0.25, levels=10):
    """Scores of a weak and a strong network in a few steps, so that many are equal; labels, known labels."""
    generator = np.random.default_rng(7)
    labels = (generator.random((images, classes)) < frequency).astype(np.float32)
    noise = generator.random((2, images, classes))
    weak, strong = np.round((noise + labels * np.array([0.2, 0.6])[:, None, None]) / 1.6 * levels) / levels
    return weak, strong, labels, generator.random(labels.shape) < 0.9


def resampled(images, draws, seed):
    return np.random.default_rng(seed).integers(0, images, size=(draws, images))


@pytest.mark.parametrize(
    ("images", "classes", "draws"), [(120, 4, 60), (3000, 1, 400)], ids=["at once", "in several chunks"]
)
def test_gain_in_map_against_resampled_arrays(images, classes, draws):
    weak, strong, labels, known = case(images, classes)
    gains = []
    for draw in resampled(images, draws, seed=5):
        drawn = labels[draw], known[draw]
        gain = average_precisions(strong[draw], *drawn) - average_precisions(weak[draw], *drawn)
        gains.append(np.nanmean(gain))
    found = gain_interval(weak, strong, labels, known, draws=draws, level=0.9, seed=5)
    assert found == pytest.approx(np.quantile(gains, [0.05, 0.95]), abs=1e-4)
    assert 0 < found[0] < found[1]


def test_a_class_without_positives_in_a_draw_is_left_out_of_it():
    # The second class has one positive, which is in some draws and not in others.
    labels = np.zeros((12, 2), dtype=np.float32)
    labels[:6, 0] = labels[0, 1] = 1
    known = np.ones(labels.shape, dtype=bool)
    weak, strong = np.random.default_rng(0).random((2, *labels.shape))
    gains = []
    for draw in resampled(12, 40, seed=1):
        gain = average_precisions(strong[draw], labels[draw], known[draw]) - average_precisions(
            weak[draw], labels[draw], known[draw]
        )
        gains.append(np.nanmean(gain))
    found = gain_interval(weak, strong, labels, known, draws=40, level=0.5, seed=1)
    assert found == pytest.approx(np.quantile(gains, [0.25, 0.75]), abs=1e-4)


def test_interval_holds_the_gain_and_is_repeatable():
    weak, strong, labels, known = case()
    gain = np.nanmean(average_precisions(strong, labels, known) - average_precisions(weak, labels, known))
    low, high = gain_interval(weak, strong, labels, known, draws=300)
    assert 0 < low < gain < high
    assert gain_interval(weak, strong, labels, known, draws=300) == (low, high)


def test_the_intervals_of_all_networks_are_of_the_same_draws_as_that_of_the_gain():
    weak, strong, labels, known = case(60, 2)
    scores = {"baseline": weak, "teacher": (weak + strong) / 2, "student": strong}
    gain, means = gain_and_mean_intervals(scores, labels, known)
    assert gain == gain_interval(weak, strong, labels, known)
    drawn = resampled(60, DRAWS, seed=0)
    for name, each in scores.items():
        values = [np.nanmean(average_precisions(each[one], labels[one], known[one])) for one in drawn]
        assert means[name] == pytest.approx(np.quantile(values, [0.025, 0.975]), abs=1e-4)


def test_equal_networks_gain_nothing():
    _, strong, labels, known = case()
    assert gain_interval(strong, strong, labels, known, draws=50) == (0.0, 0.0)


def test_draws_without_any_positive_are_passed_over():
    # Of two images one has the class. The gain is 50 points in draws of both (AP 1/2 against 1), none where
    # the positive comes twice, and unknown where it is not drawn.
    labels = np.array([[1.0], [0.0]])
    known = np.ones((2, 1), dtype=bool)
    weak, strong = np.array([[0.1], [0.9]]), np.array([[0.9], [0.1]])
    chosen = resampled(2, 50, seed=0)
    gains = [50.0 * (set(draw) == {0, 1}) for draw in chosen if 0 in draw]
    assert 0 < len(gains) < 50
    found = gain_interval(weak, strong, labels, known, draws=50, level=0.3)
    assert found == pytest.approx(np.quantile(gains, [0.35, 0.65]))


def plain_f1(name, scores, labels, known, threshold):
    hits, guesses, positives = [], [], []
    for k in range(labels.shape[1]):
        pairs = [(scores[i, k] > threshold, labels[i, k] > 0) for i in range(len(labels)) if known[i, k]]
        hits.append(sum(guess and real for guess, real in pairs))
        guesses.append(sum(guess for guess, _ in pairs))
        positives.append(sum(real for _, real in pairs))
    if name == "OF1":
        precision, recall = sum(hits) / max(sum(guesses), 1), sum(hits) / sum(positives)
    else:
        scored = [k for k in range(len(hits)) if positives[k]]
        precision = sum(hits[k] / max(guesses[k], 1) for k in scored) / len(scored)
        recall = sum(hits[k] / positives[k] for k in scored) / len(scored)
    return 100 * 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@pytest.mark.parametrize("name", ["CF1", "OF1"])
def test_gain_in_f1_against_resampled_arrays(name):
    weak, strong, labels, known = case(90, 5, frequency=0.08)  # some draws lack a class
    gains = []
    for draw in resampled(len(labels), 60, seed=5):
        drawn = labels[draw], known[draw], 0.5
        gains.append(plain_f1(name, strong[draw], *drawn) - plain_f1(name, weak[draw], *drawn))
    found = f1_gain_interval(
        weak, strong, labels, known, name=name, thresholds=(0.5, 0.5), draws=60, level=0.9, seed=5
    )
    assert found == pytest.approx(np.quantile(gains, [0.05, 0.95]), abs=1e-4)
    assert found[0] > 0


def test_a_network_that_predicts_nothing_has_an_f1_of_zero():
    labels, known = np.eye(4, dtype=np.float32), np.ones((4, 4), dtype=bool)
    silent, perfect = np.zeros((4, 4)), labels
    for name in ("CF1", "OF1"):
        found = f1_gain_interval(silent, perfect, labels, known, name=name, thresholds=(0.5, 0.5), draws=20)
        assert found == (100.0, 100.0)


def test_no_positive_is_refused():
    nothing, known = np.zeros((3, 2)), np.ones((3, 2), dtype=bool)
    with pytest.raises(ValueError, match="no class has a positive"):
        f1_gain_interval(nothing, nothing, nothing, known, name="OF1", thresholds=(0.5, 0.5))
    with pytest.raises(ValueError, match="no class has a positive"):
        gain_interval(nothing, nothing, nothing, known)

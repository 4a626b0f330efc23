"""The bootstrap of CF1 and OF1 against one that resamples the arrays themselves, one draw at a time."""

import numpy as np
import pytest

from wsdkd.evaluation.bootstrap import f1_gain_interval


def case(images=90, classes=5):
    generator = np.random.default_rng(3)
    labels = (generator.random((images, classes)) < 0.08).astype(np.float32)  # some draws lack a class
    noise = generator.random((2, images, classes))
    weak, strong = (noise + labels * np.array([0.2, 0.6])[:, None, None]) / 1.6
    return weak, strong, labels, generator.random(labels.shape) < 0.9


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
def test_against_resampled_arrays(name):
    weak, strong, labels, known = case()
    generator = np.random.default_rng(5)
    gains = []
    for draw in generator.integers(0, len(labels), size=(60, len(labels))):
        drawn = labels[draw], known[draw], 0.5
        gains.append(plain_f1(name, strong[draw], *drawn) - plain_f1(name, weak[draw], *drawn))
    found = f1_gain_interval(
        weak, strong, labels, known, name=name, threshold=0.5, draws=60, level=0.9, seed=5
    )
    assert found == pytest.approx(np.quantile(gains, [0.05, 0.95]), abs=1e-4)
    assert found[0] > 0


def test_a_network_that_predicts_nothing_has_an_f1_of_zero():
    labels, known = np.eye(4, dtype=np.float32), np.ones((4, 4), dtype=bool)
    silent, perfect = np.zeros((4, 4)), labels
    for name in ("CF1", "OF1"):
        found = f1_gain_interval(silent, perfect, labels, known, name=name, threshold=0.5, draws=20)
        assert found == (100.0, 100.0)


def test_no_positive_is_refused():
    nothing, known = np.zeros((3, 2)), np.ones((3, 2), dtype=bool)
    with pytest.raises(ValueError, match="no class has a positive"):
        f1_gain_interval(nothing, nothing, nothing, known, name="OF1", threshold=0.5)

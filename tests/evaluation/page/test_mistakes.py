"""Which images show how a class fares, and which label is given for which, worked out by hand."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from wsdkd.evaluation.page.mistakes import choose_images, given_in_place, most_frequent_pairs, reliability


def test_the_clearest_images_of_each_kind():
    scores = np.array([0.9, 0.2, 0.8, 0.9, 0.1, 0.7, 0.6, 0.95])
    present = np.array([1, 1, 0, 1, 1, 0, 1, 1], bool)
    known = np.array([1, 1, 1, 1, 1, 1, 1, 0], bool)
    chosen = choose_images(scores, scores > 0.5, present, known, 2)
    assert chosen.hits == [0, 3]  # of two equal scores the earlier; the best of all is not known
    assert chosen.misses == [4, 1]
    assert chosen.mistakes == [2, 5]
    assert chosen.all() == [0, 3, 4, 1, 2, 5]


def test_what_there_is_none_of_is_empty():
    chosen = choose_images(np.full(3, 0.9), np.ones(3, bool), np.ones(3, bool), np.ones(3, bool), 5)
    assert (chosen.hits, chosen.misses, chosen.mistakes) == ([0, 1, 2], [], [])


def test_which_label_is_given_for_which():
    #                    cup  mug  jar
    present = np.array([[1, 0, 0], [1, 0, 1], [0, 1, 0], [1, 0, 0]], bool)
    given = np.array([[0, 1, 0], [0, 1, 1], [1, 0, 1], [0, 1, 0]], bool)
    known = np.ones(present.shape, bool)
    known[3, 1] = False  # nobody knows whether the last image has a mug, so none is wrong
    counts = given_in_place(given, present, known)
    assert counts.tolist() == [[0, 2, 0], [1, 0, 1], [0, 0, 0]]
    assert most_frequent_pairs(counts, 2) == [(0, 1, 2), (1, 0, 1)]
    assert most_frequent_pairs(counts, 9) == [(0, 1, 2), (1, 0, 1), (1, 2, 1)]


def test_reliability_against_scikit_learn():
    generator = np.random.default_rng(0)
    scores = generator.random((200, 5)).astype(np.float32)
    scores[0, 0] = 1.0
    present, known = generator.random(scores.shape) < scores**2, generator.random(scores.shape) < 0.9
    points = reliability(scores, present, known, bins=10)
    shares, means = calibration_curve(present[known], scores[known], n_bins=10)
    assert [point[0] for point in points] == pytest.approx(means.tolist())
    assert [point[1] for point in points] == pytest.approx(shares.tolist())
    assert sum(point[2] for point in points) == known.sum()


def test_bins_without_labels_have_no_point():
    scores, known = np.array([[0.05, 0.95]]), np.ones((1, 2), bool)
    assert reliability(scores, np.array([[False, True]]), known) == [(0.05, 0.0, 1), (0.95, 1.0, 1)]

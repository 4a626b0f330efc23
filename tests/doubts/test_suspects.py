"""Which labels cleanlab doubts."""

import numpy as np

from wsdkd.doubts.suspects import suspects

TRUTH = np.tile([[1, 0, 1], [0, 1, 0], [0, 0, 1], [1, 1, 0]], (25, 1)).astype(np.float32)
SCORES = np.clip(TRUTH * 0.8 + 0.1 + np.random.default_rng(0).normal(0, 0.05, TRUTH.shape), 0.01, 0.99)
WRONG = [(3, 0), (10, 1), (41, 2), (60, 0), (77, 1)]
for place in WRONG:  # of which the network is surer than of most
    SCORES[place] = TRUTH[place] * 0.94 + 0.03


def test_labels_that_were_turned_around_are_found_and_no_others() -> None:
    labels = TRUTH.copy()
    for place in WRONG:
        labels[place] = 1 - labels[place]
    known = np.ones(labels.shape, bool)
    assert list(map(tuple, np.argwhere(suspects(labels, known, SCORES)).tolist())) == WRONG
    known[10, 1] = known[41, 2] = False  # nothing is said, so nothing is wrong
    found = suspects(labels, known, SCORES)
    assert list(map(tuple, np.argwhere(found).tolist())) == [(3, 0), (60, 0), (77, 1)]


def test_a_class_that_is_nowhere_everywhere_or_once_doubts_nothing_and_warns_of_nothing() -> None:
    labels = np.zeros((20, 3), np.float32)
    labels[:, 1] = 1
    labels[0, 2] = 1
    assert not suspects(labels, np.ones(labels.shape, bool), np.full(labels.shape, 0.5)).any()

"""CP CR CF1 OP OR OF1 by hand, against scikit-learn, and clear of the traps they are known for."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from wsdkd.evaluation.thresholded import precision_recall_f1, predicted_above, predicted_top_k

ALL_KNOWN = np.ones((4, 3), dtype=bool)
LABELS = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
SCORES = np.array([[0.9, 0.4, 0.6], [0.8, 0.7, 0.1], [0.6, 0.55, 0.2], [0.3, 0.1, 0.2]])
# Above 0.5: {0, 2}, {0, 1}, {0, 1}, {}. Correct, predicted, real: class 0: 2, 3, 2; class 1: 1, 2, 2;
# class 2: 0, 1, 1.


def test_by_hand():
    found = precision_recall_f1(predicted_above(SCORES, ALL_KNOWN, 0.5), LABELS, ALL_KNOWN)
    cp, cr = (2 / 3 + 1 / 2 + 0) / 3, (1 + 1 / 2 + 0) / 3
    op, recall = 3 / 6, 3 / 5
    expected = {
        "CP": cp,
        "CR": cr,
        "CF1": 2 * cp * cr / (cp + cr),
        "OP": op,
        "OR": recall,
        "OF1": 2 * op * recall / (op + recall),
    }
    assert found == pytest.approx({name: 100 * value for name, value in expected.items()})


def test_cf1_is_not_macro_f1():
    # Class 0 has precision 1 and recall 1/4, class 1 precision 1/4 and recall 1: each F1 is 0.4.
    labels = np.array([[1, 1], [1, 0], [1, 0], [1, 0]])
    predicted = np.array([[1, 1], [0, 1], [0, 1], [0, 1]], dtype=bool)
    found = precision_recall_f1(predicted, labels, np.ones((4, 2), dtype=bool))
    assert 100 * f1_score(labels, predicted, average="macro") == pytest.approx(40)
    assert found["CF1"] == pytest.approx(62.5)


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_scikit_learn(seed):
    generator = np.random.default_rng(seed)
    scores, labels = generator.random((200, 6)), (generator.random((200, 6)) < 0.2).astype(int)
    known = np.ones(scores.shape, dtype=bool)
    predicted = predicted_above(scores, known, 0.7)
    found = precision_recall_f1(predicted, labels, known)
    kwargs = {"zero_division": 0}
    assert found["CP"] == pytest.approx(
        100 * precision_score(labels, predicted, average="macro", **kwargs), abs=1e-6
    )
    assert found["CR"] == pytest.approx(
        100 * recall_score(labels, predicted, average="macro", **kwargs), abs=1e-6
    )
    assert found["OP"] == pytest.approx(
        100 * precision_score(labels, predicted, average="micro", **kwargs), abs=1e-6
    )
    assert found["OR"] == pytest.approx(
        100 * recall_score(labels, predicted, average="micro", **kwargs), abs=1e-6
    )
    assert found["OF1"] == pytest.approx(
        100 * f1_score(labels, predicted, average="micro", **kwargs), abs=1e-6
    )


def test_threshold_is_strict():
    scores, known = np.array([[0.5, 0.50001]]), np.ones((1, 2), dtype=bool)
    assert predicted_above(scores, known, 0.5).tolist() == [[False, True]]


def test_top_k_keeps_low_scores_unless_the_rule_says_otherwise():
    scores, known = np.array([[0.9, 0.4, 0.3, 0.1, 0.05]]), np.ones((1, 5), dtype=bool)
    always = predicted_top_k(scores, known, 3, "always", 0.5)
    above = predicted_top_k(scores, known, 3, "above_threshold", 0.5)
    assert always.tolist() == [[True, True, True, False, False]]
    assert above.tolist() == [[True, False, False, False, False]]


def test_top_k_is_no_oracle_of_the_number_of_labels():
    # One true label, three guesses: precision 1/3, where an oracle of the count would have 1.
    scores, labels = np.array([[0.9, 0.8, 0.7, 0.1]]), np.array([[1, 0, 0, 0]])
    known = np.ones((1, 4), dtype=bool)
    found = precision_recall_f1(predicted_top_k(scores, known, 3, "always", 0.5), labels, known)
    assert found["OP"] == pytest.approx(100 / 3)
    assert found["OR"] == pytest.approx(100)
    # CP and CR are means over the one class that has a positive; OP still pays for the others.
    assert found["CP"] == pytest.approx(100)


def test_images_without_labels_cost_precision():
    labels = np.array([[1, 0], [0, 0]])
    scores, known = np.array([[0.9, 0.1], [0.8, 0.1]]), np.ones((2, 2), dtype=bool)
    kept = precision_recall_f1(predicted_above(scores, known, 0.5), labels, known)
    dropped = precision_recall_f1(predicted_above(scores[:1], known[:1], 0.5), labels[:1], known[:1])
    assert (kept["OP"], dropped["OP"]) == (pytest.approx(50), pytest.approx(100))


def test_ignored_labels_count_nowhere_and_take_no_place():
    scores, labels = np.array([[0.9, 0.8, 0.7, 0.6]]), np.array([[1, 0, 1, 1]])
    known = np.array([[False, True, True, True]])
    predicted = predicted_top_k(scores, known, 2, "always", 0.5)
    assert predicted.tolist() == [[False, True, True, False]]
    found = precision_recall_f1(predicted, labels, known)
    assert (found["OP"], found["OR"]) == (pytest.approx(50), pytest.approx(50))


def test_fewer_known_labels_than_k():
    known = np.array([[True, False, False]])
    assert predicted_top_k(np.full((1, 3), 0.5), known, 3, "always", 0.5).tolist() == [[True, False, False]]


def test_ties_at_the_kth_place_go_to_the_earlier_class():
    known = np.ones((1, 4), dtype=bool)
    assert predicted_top_k(np.full((1, 4), 0.5), known, 2, "always", 0.5).tolist() == [
        [True, True, False, False]
    ]


def test_nothing_predicted_is_zero_and_no_error():
    found = precision_recall_f1(np.zeros((4, 3), dtype=bool), LABELS, ALL_KNOWN)
    assert set(found.values()) == {0.0}


def test_nothing_to_find_is_refused():
    with pytest.raises(ValueError, match="no class has a positive"):
        precision_recall_f1(ALL_KNOWN, np.zeros((4, 3)), ALL_KNOWN)

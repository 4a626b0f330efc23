"""Decisions on cases whose outcome is plain beforehand."""

import numpy as np
import pytest

from wsdkd.evaluation.bootstrap import gain_interval
from wsdkd.serving.decision import NOT_FINITE, Scored, decide
from wsdkd.serving.params import PromotionParams
from wsdkd.settings.sections import ParamsError

NAMES = ["cat", "dog", "cow", "hen"]
GENERATOR = np.random.default_rng(2)
LABELS = (GENERATOR.random((300, 4)) < 0.3).astype(np.float32)
KNOWN = np.ones(LABELS.shape, dtype=bool)
NOISE = GENERATOR.random(LABELS.shape)
WEAK = (NOISE + 0.3 * LABELS) / 1.3
STRONG = (NOISE + 0.9 * LABELS) / 1.9


def made(candidate, promoted, labels=LABELS, known=KNOWN, threshold=0.5, **params):
    candidate, promoted = (
        None if scores is None else Scored(scores, np.full(len(NAMES), threshold))
        for scores in (candidate, promoted)
    )
    return decide(candidate, promoted, NAMES, labels, known, PromotionParams(**params), threshold)


@pytest.mark.parametrize("metric", ["mAP", "CF1", "OF1"])
def test_a_clear_win_is_promoted(metric):
    found = made(STRONG, WEAK, metric=metric)
    assert found.decision == "promoted"
    assert found.difference == pytest.approx(found.candidate[metric] - found.promoted[metric])
    assert 0 < found.interval[0] < found.difference < found.interval[1]
    assert (found.metric, found.split_size, found.version) == (metric, 300, None)
    assert len(found.reasons) == 1
    assert "above the margin of 0 points" in found.reasons[0]


def test_the_way_back_is_refused():
    found = made(WEAK, STRONG)
    assert found.decision == "refused"
    assert found.interval[1] < 0


def test_a_lead_within_the_noise_is_refused():
    # Equally good by construction, on noise of its own: one of the two leads by luck.
    twin = (np.random.default_rng(8).random(LABELS.shape) + 0.3 * LABELS) / 1.3
    found = max(made(twin, WEAK), made(WEAK, twin), key=lambda decision: decision.difference)
    assert found.difference > 0.1
    assert found.interval[0] < 0
    assert found.decision == "refused"
    assert "whose lower end is not above the margin of 0 points" in found.reasons[0]


def test_a_lead_below_the_margin_is_refused():
    low, high = gain_interval(WEAK, STRONG, LABELS, KNOWN)
    assert made(STRONG, WEAK, margin=low - 0.01).decision == "promoted"
    assert made(STRONG, WEAK, margin=low + 0.01).decision == "refused"
    # A greater confidence asks for more: the interval is wider.
    wider = made(STRONG, WEAK, confidence=0.99).interval
    assert wider[0] < low < high < wider[1]


def test_equal_students_are_refused():
    found = made(STRONG, STRONG)
    assert (found.decision, found.difference, found.interval) == ("refused", 0.0, (0.0, 0.0))


def test_average_precisions_worked_by_hand():
    # Cat in images 0 and 1. The candidate ranks 0, 1 first: AP 1. The promoted one ranks them second
    # and fourth: (1/2 + 2/4) / 2 = 1/2. No other class has a positive.
    labels = np.zeros((4, 4), dtype=np.float32)
    labels[:2, 0] = 1
    candidate, promoted = np.zeros((4, 4)), np.zeros((4, 4))
    candidate[:, 0] = [0.9, 0.8, 0.2, 0.1]
    promoted[:, 0] = [0.8, 0.1, 0.9, 0.5]
    found = made(candidate, promoted, labels, np.ones((4, 4), dtype=bool), classes=("cat", "hen"))
    assert (found.candidate["mAP"], found.promoted["mAP"], found.difference) == (100, 50, 50)
    assert found.classes["cat"].loss == -50
    assert found.classes["hen"].loss is None
    assert any("class hen: no validation image has it" in reason for reason in found.reasons)
    # Above 0.5 the candidate gives cat to images 0 and 1, the promoted one to 0 and 2.
    assert (found.candidate["CF1"], found.promoted["CF1"]) == (100, 50)


def test_a_class_that_matters_may_not_lose():
    mixed = STRONG.copy()
    mixed[:, 1] = 1 - STRONG[:, 1]
    assert made(mixed, WEAK).decision == "promoted"
    assert made(mixed, WEAK, classes=("cat",)).decision == "promoted"
    found = made(mixed, WEAK, classes=("cat", "dog"))
    assert found.decision == "refused"
    assert found.reasons == (
        f"class dog: AP {found.classes['dog'].candidate:.2f} against {found.classes['dog'].promoted:.2f} %, "
        "a loss above 5 points",
    )
    loss = found.classes["dog"].loss
    assert loss == found.classes["dog"].promoted - found.classes["dog"].candidate > 5
    assert made(mixed, WEAK, classes=("dog",), max_class_loss=loss + 0.01).decision == "promoted"


def test_an_unknown_class_is_refused_by_name():
    with pytest.raises(
        ParamsError, match=r"promotion\.classes\.1: no class 'dogs'; did you mean dog\? allowed: cat"
    ):
        made(STRONG, WEAK, classes=("cat", "dogs"))


def test_ignored_labels_count_nowhere():
    known = GENERATOR.random(LABELS.shape) < 0.7
    spoilt = np.where(known, STRONG, 1 - LABELS)
    assert made(spoilt, WEAK, known=known).candidate == made(STRONG, WEAK, known=known).candidate


def test_the_first_student_is_promoted():
    found = made(WEAK, None)
    assert (found.decision, found.promoted, found.interval) == ("promoted", None, None)
    assert found.candidate["mAP"] > 0


@pytest.mark.parametrize("promoted", [None, WEAK])
def test_what_cannot_be_measured_is_refused(promoted):
    broken = STRONG.copy()
    broken[7, 1] = np.nan
    assert made(broken, promoted).reasons == (NOT_FINITE,)
    empty = made(STRONG[:0], promoted, LABELS[:0], KNOWN[:0])
    assert (empty.decision, empty.split_size) == ("refused", 0)
    assert "no image" in empty.reasons[0]
    assert "has a label" in made(STRONG, promoted, np.zeros_like(LABELS)).reasons[0]

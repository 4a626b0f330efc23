"""Labels in doubt, with and without a teacher's word."""

import numpy as np
import pytest

from wsdkd.cache.view import CachedView
from wsdkd.data.tables import ImageRow
from wsdkd.doubts.doubts import Doubt, Evidence, Scored, find_doubts, weighed
from wsdkd.doubts.evidence import cached_evidence
from wsdkd.scores import region_scores

ROWS = [ImageRow(str(n), f"{n}.jpg", 9, 9, "val", (n % 2,), (), f"{n}") for n in range(10, 50)]
SCORES = np.array([[0.9, 0.1], [0.1, 0.9]] * 20, np.float32)
BOX = (1.0, 2.0, 3.0, 4.0)


def test_the_surest_contradiction_comes_first_and_what_was_decided_does_not_come() -> None:
    scores = SCORES.copy()
    scores[4] = 0.1, 0.99  # labelled 0, and 1 is seen
    scores[7] = 0.1, 0.02  # labelled 1, of which nothing is seen
    found = find_doubts([Scored(ROWS, scores)], 2)
    assert [(each.row.image_id, each.label, each.present) for each in found] == [
        ("14", 1, False),
        ("17", 1, True),
        ("14", 0, True),
    ]
    assert [each.strength for each in found] == pytest.approx([0.99, 0.98, 0.9])
    left = find_doubts([Scored(ROWS, scores)], 2, {("14", 1), ("17", 0)})
    assert [(each.row.image_id, each.label) for each in left] == [("17", 1), ("14", 0)]


def test_a_teacher_that_sees_what_is_labelled_takes_the_doubt_away() -> None:
    missing, wrong = Doubt(ROWS[0], 1, False, 0.8), Doubt(ROWS[1], 1, True, 0.1)
    said = {("10", 1): Evidence(0.2, BOX), ("11", 1): Evidence(0.1, BOX)}
    found = weighed([missing, wrong], said)
    assert [each.row.image_id for each in found] == ["11", "10"]
    assert [each.strength for each in found] == pytest.approx([0.9, 0.4])  # roots of 0.9 * 0.9, 0.8 * 0.2
    alone = weighed([missing, wrong], {})
    assert [each.strength for each in alone] == pytest.approx([0.9, 0.8])


class OneView:
    """Stands in for a cache of two regions and three classes."""

    ranking = "scores"
    class_logits = np.array([[3.0, 0.0, 1.0], [0.0, 2.0, 0.0]], np.float32)
    detection_logits = np.array([[0.0, 0.0, 2.0], [1.0, 3.0, 0.0]], np.float32)
    boxes = np.array([[0, 0, 5, 5], [2, 1, 9, 8]], np.float32)

    def view(self, image_id: str, mirrored: bool) -> CachedView:
        assert (image_id, mirrored) == ("10", False)
        empty = np.zeros(0)
        return CachedView.of(
            self.boxes,
            np.ones(2),
            self.class_logits,
            self.detection_logits,
            empty,
            empty,
            np.zeros((0, 3), np.float32),
            np.zeros((0, 4), np.float32),
        )

    def best_regions(self, image_id: str) -> np.ndarray:
        assert image_id == "10"
        scores = region_scores(self.class_logits, self.detection_logits)
        return self.boxes[scores.argmax(axis=0)]


def test_the_teacher_s_word_is_its_image_score_and_its_best_region() -> None:
    found = cached_evidence(OneView(), {"10": [1, 2]})  # type: ignore[arg-type]
    scores = region_scores(OneView.class_logits, OneView.detection_logits)
    assert found.keys() == {("10", 1), ("10", 2)}
    assert found["10", 1].box == (2, 1, 9, 8)
    assert found["10", 2].box == (0, 0, 5, 5)
    for label in (1, 2):
        assert found["10", label].score == pytest.approx(scores[:, label].sum(), abs=2e-3)

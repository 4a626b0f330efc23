"""Labels in doubt, the most doubtful first: what cleanlab flags, weighed with what the teacher sees."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from wsdkd.data.tables import ImageRow, targets
from wsdkd.doubts.suspects import suspects

Judged = Collection[tuple[str, int]]
"""Ids of images and places of classes that people have decided on."""


Box = tuple[float, float, float, float]


class Evidence(NamedTuple):
    """The teacher's word on one class in one image.

    Attributes:
        score: p_k, its probability that the class is in the image.
        box: x1, y1, x2, y2 of its best region of the class, in pixels of the original image.
    """

    score: float
    box: Box


Found = dict[tuple[str, int], Evidence]
"""By the id of the image and the place of the class."""


@dataclass(frozen=True)
class Scored:
    """Images with scores by one network, or by several alike, that did not learn from them."""

    rows: Sequence[ImageRow]
    scores: np.ndarray
    """Probabilities, (N, K)."""


@dataclass(frozen=True)
class Doubt:
    """A label that is likely wrong, or missing.

    Attributes:
        row: the image.
        label: place of the class.
        present: whether the dataset says that it is there; the proposal is the opposite.
        score: the student's probability that it is there.
        evidence: the teacher's word on it; None where there is no teacher.
    """

    row: ImageRow
    label: int
    present: bool
    score: float
    evidence: Evidence | None = None

    @property
    def strength(self) -> float:
        """How sure student and teacher are of the opposite, from 0 to 1: the geometric mean of the two.

        So one of them alone that is sure of the label as it is takes the doubt away.
        """
        student = _against(self.present, self.score)
        if self.evidence is None:
            return student
        return float(np.sqrt(student * _against(self.present, self.evidence.score)))


def _against(present: bool, score: float) -> float:
    return 1 - score if present else score


def find_doubts(groups: Iterable[Scored], num_classes: int, judged: Judged = ()) -> list[Doubt]:
    """Labels that cleanlab takes for wrong, the most doubtful first, without a teacher's word.

    Args:
        groups: images scored alike; what is usual for a class is found in each group by itself.
        num_classes: K.
        judged: what is not to be shown again.
    """
    found = []
    for group in groups:
        labels, known = targets(group.rows, num_classes)
        flagged = suspects(labels, known, group.scores)
        for image, label in np.argwhere(flagged).tolist():
            row = group.rows[image]
            if (row.image_id, label) not in judged:
                present = bool(labels[image, label] > 0)
                found.append(Doubt(row, label, present, float(group.scores[image, label])))
    return ranked(found)


def ranked(doubts: Iterable[Doubt]) -> list[Doubt]:
    """The strongest doubts first; equal ones in the order of images and classes."""
    return sorted(doubts, key=lambda each: (-each.strength, each.row.image_id, each.label))


def by_image(doubts: Iterable[Doubt]) -> dict[str, list[int]]:
    """The classes in doubt of each image."""
    found = defaultdict(list)
    for each in doubts:
        found[each.row.image_id].append(each.label)
    return dict(found)


def weighed(doubts: Iterable[Doubt], found: Found) -> list[Doubt]:
    """Doubts with the teacher's word on them, in their new order."""
    return ranked(replace(each, evidence=found.get((each.row.image_id, each.label))) for each in doubts)

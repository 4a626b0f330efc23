"""A look through a whole dataset for labels in doubt: what is at hand of it, and what that gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from wsdkd.cache.reader import TeacherCache
from wsdkd.data.tables import ImageRow
from wsdkd.doubts.doubts import Doubt, Found, Judged, Scored, by_image, find_doubts, weighed
from wsdkd.doubts.evidence import Teacher, cached_evidence
from wsdkd.student.network import LoadedStudent
from wsdkd.student.run import BATCH_SIZE, student_scores

WEIGHED = 4
"""For each doubt that is wanted, so many of the strongest are held against the teacher's regions."""


@dataclass(frozen=True)
class AtHand:
    """What there is of a dataset and its networks.

    Attributes:
        classes: names, in order.
        root: folder that paths of images are relative to.
        train: training images.
        others: images of the other splits, from which no network has learned.
        fold_scores: of the training images, (N, K), by students that did not learn from them.
        student: scores the other images; None leaves them out.
        cache: what the teacher sees in training images.
        teacher: what it sees in the other images.
    """

    classes: Sequence[str]
    root: Path
    train: Sequence[ImageRow]
    others: Sequence[ImageRow]
    fold_scores: np.ndarray | None = None
    student: LoadedStudent | None = None
    cache: TeacherCache | None = None
    teacher: Teacher | None = None

    def scored(self, device: torch.device) -> list[Scored]:
        """Images with scores by networks that did not learn from them, those scored alike together."""
        groups = []
        if self.fold_scores is not None:
            groups.append(Scored(self.train, self.fold_scores))
        if self.student is not None and len(self.others):
            scores = student_scores(
                self.student,
                self.others,
                self.root,
                batch_size=BATCH_SIZE,
                device=device,
                description="validation and test images",
            )
            groups.append(Scored(self.others, scores))
        return groups

    def evidence(self, doubts: Sequence[Doubt], device: torch.device) -> Found:
        """What the teacher says of some doubts, as far as there is one."""
        training, others = (
            by_image(each for each in doubts if (each.row.split == "train") is wanted)
            for wanted in (True, False)
        )
        found: Found = {}
        if self.cache is not None and training:
            found |= cached_evidence(self.cache, training)
        if self.teacher is not None and others:
            found |= self.teacher.evidence(self.others, others, device)
        return found


def look(at_hand: AtHand, most: int, device: torch.device, judged: Judged = ()) -> tuple[list[Doubt], int]:
    """The labels most in doubt.

    Args:
        at_hand: the dataset and its networks.
        most: how many are wanted.
        device: where to compute.
        judged: what is not to be shown again.

    Returns:
        At most ``most``, the strongest first, and how many there are in all.
    """
    found = find_doubts(at_hand.scored(device), len(at_hand.classes), judged)
    strongest = found[: WEIGHED * most]
    return weighed(strongest, at_hand.evidence(strongest, device))[:most], len(found)

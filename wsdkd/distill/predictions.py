"""Stage 2: image-level losses of the student (Eq. 5 and Eq. 10; release).

What the loss L_p' needs of the teacher, from its cache. No teacher runs here.

Stage 2: the student learns the labels and the teacher's softened image scores (Eq. 5, Eq. 10).
"""

from collections.abc import Sequence

import numpy as np
import torch

from wsdkd.cache.format import VIEWS
from wsdkd.cache.reader import TeacherViews
from wsdkd.data.tables import ImageRow
from wsdkd.distill.params import DistillPredictionsParams, SoftenedPredictions
from wsdkd.scores import image_scores
from wsdkd.student.learning import LabelObjective, label_loss
from wsdkd.student.network import Student
from wsdkd.training.loader import Batch, Labels
from wsdkd.training.pictures import memory_budget
from wsdkd.training.views import View


def prediction_loss(
    logits: torch.Tensor, teacher_scores: torch.Tensor, known: torch.Tensor, temperature: float
) -> torch.Tensor:
    """L_p' (Eq. 10): sigmoid cross-entropy of z / t with the teacher's softened scores p'.

    The release has no factor t^2.

    Args:
        logits: z, (B, K).
        teacher_scores: p', (B, K), from :func:`wsdkd.batch_scores.image_scores` at t^c and t^d.
        known: bool (B, K), False where a class is ignored.
        temperature: t.
    """
    return label_loss(logits / temperature, teacher_scores, known)


KEPT_BYTES = 256
"""Of an array besides its values, and of its place among the others."""


class CachedPredictions:
    """Adds to :class:`Labels` the softened ``teacher_scores`` p' (B, K).

    They are kept where those of all views fit the memory budget.
    """

    def __init__(self, rows: Sequence[ImageRow], cache: TeacherViews, params: SoftenedPredictions):
        self.rows, self.cache, self.params = rows, cache, params
        self.labels = Labels(rows, len(cache.classes))
        self._kept: dict[int, np.ndarray] = {}
        size = VIEWS * len(rows) * (len(cache.classes) * np.dtype(np.float32).itemsize + KEPT_BYTES)
        self._keeps = size <= memory_budget()

    def __call__(self, views: Sequence[View]) -> Batch:
        """See the class."""
        scores = np.stack([self._scores(view.row, view.mirrored) for view in views])
        return {**self.labels(views), "teacher_scores": torch.from_numpy(scores)}

    def _scores(self, row: int, mirrored: bool) -> np.ndarray:
        # They are the same in every epoch, and small.
        key = VIEWS * row + mirrored
        scores = self._kept.get(key)
        if scores is None:
            seen = self.cache.view(self.rows[row].image_id, mirrored)
            scores = image_scores(
                seen.class_logits,
                seen.detection_logits,
                self.params.class_temperature,
                self.params.detection_temperature,
            )
            if self._keeps:
                self._kept[key] = scores
        return scores


class PredictionObjective(LabelObjective):
    """The student with L = L_p + L_p', each with its weight (release: 1 and 1)."""

    def __init__(self, student: Student, params: DistillPredictionsParams):
        super().__init__(student)
        self.params = params

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The losses ``labels`` and ``predictions``."""
        logits = self.student.classify(self.backbone.trunk(batch["stem"]))
        labels = label_loss(logits, batch["labels"], batch["known"])
        teacher = prediction_loss(logits, batch["teacher_scores"], batch["known"], self.params.temperature)
        return {
            "labels": self.params.label_weight * labels,
            "predictions": self.params.teacher_weight * teacher,
        }

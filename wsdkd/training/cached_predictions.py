"""What the loss L_p' needs of the teacher, from its cache. No teacher runs here."""

from collections.abc import Sequence

import numpy as np
import torch

from wsdkd.cache.reader import TeacherViews
from wsdkd.cache.schema import VIEWS
from wsdkd.inference.scores import image_scores
from wsdkd.params.student import SoftenedPredictions
from wsdkd.tables.images import ImageRow
from wsdkd.training.labels import Labels
from wsdkd.training.loader import Batch
from wsdkd.training.pictures import memory_budget
from wsdkd.training.views import View

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

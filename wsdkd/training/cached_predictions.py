"""What the loss L_p' needs of the teacher, from its cache. No teacher runs here."""

from collections.abc import Sequence

import numpy as np
import torch

from wsdkd.cache.reader import TeacherCache
from wsdkd.inference.scores import image_scores
from wsdkd.params.student import SoftenedPredictions
from wsdkd.tables.images import ImageRow
from wsdkd.training.labels import Labels
from wsdkd.training.loader import Batch
from wsdkd.training.views import View


class CachedPredictions:
    """Adds to :class:`Labels` the softened ``teacher_scores`` p' (B, K)."""

    def __init__(self, rows: Sequence[ImageRow], cache: TeacherCache, params: SoftenedPredictions):
        self.rows, self.cache, self.params = list(rows), cache, params
        self.labels = Labels(rows, len(cache.classes))
        self._kept: dict[tuple[int, bool], np.ndarray] = {}

    def __call__(self, views: Sequence[View]) -> Batch:
        """See the class."""
        scores = np.stack([self._scores(view.row, view.mirrored) for view in views])
        return {**self.labels(views), "teacher_scores": torch.from_numpy(scores)}

    def _scores(self, row: int, mirrored: bool) -> np.ndarray:
        # They are the same in every epoch, and small.
        if (row, mirrored) not in self._kept:
            seen = self.cache.view(self.rows[row].image_id, mirrored)
            self._kept[row, mirrored] = image_scores(
                seen.class_logits,
                seen.detection_logits,
                self.params.class_temperature,
                self.params.detection_temperature,
            )
        return self._kept[row, mirrored]

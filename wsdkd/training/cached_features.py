"""What stage 1 needs of the teacher, from its cache. No teacher runs here."""

from collections.abc import Sequence

import numpy as np
import torch

from wsdkd.cache.reader import TeacherViews
from wsdkd.losses.regions import region_targets
from wsdkd.params.student import DistillFeaturesParams
from wsdkd.tables.images import ImageRow
from wsdkd.training.cached_predictions import CachedPredictions
from wsdkd.training.labels import Labels
from wsdkd.training.loader import Batch, Extras
from wsdkd.training.regions import stack_rois, to_input
from wsdkd.training.views import View


class CachedFeatures:
    """For stage 1.

    Adds to :class:`Labels`: ``rois`` (R, 5) in pixels of the student's input, ``objectness`` (R,),
    ``confidence`` (R,), ``features`` (R, D) and ``region_targets`` (R, K), for the chosen RoIs; and
    :class:`CachedPredictions` where the parameters have ``predictions``.
    """

    def __init__(self, rows: Sequence[ImageRow], cache: TeacherViews, params: DistillFeaturesParams):
        self.rows, self.cache, self.best = rows, cache, params.rois
        self.rest: Extras = (
            Labels(rows, len(cache.classes))
            if params.predictions is None
            else CachedPredictions(rows, cache, params.predictions)
        )

    def __call__(self, views: Sequence[View]) -> Batch:
        """See the class."""
        boxes, parts = [], []
        for view in views:
            row = self.rows[view.row]
            seen = self.cache.view(row.image_id, view.mirrored)
            chosen = seen.chosen[: self.best]
            targets = region_targets(seen.class_logits, seen.detection_logits, row.labels)
            boxes.append(to_input(seen.boxes[chosen], row, view))
            parts.append(
                {
                    "objectness": seen.objectness[chosen],
                    "confidence": seen.confidence[: self.best],
                    "features": seen.features[: self.best],
                    "region_targets": targets[chosen],
                }
            )
        joined = {
            name: torch.from_numpy(np.concatenate([part[name] for part in parts])).float()
            for name in parts[0]
        }
        return {**self.rest(views), "rois": stack_rois(boxes), **joined}

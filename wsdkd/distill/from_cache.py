"""What a batch of the student's training needs of the teacher, read from its cache. No teacher runs here."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from wsdkd.cache.format import VIEWS
from wsdkd.cache.view import CachedView, TeacherViews
from wsdkd.data.tables import UNLABELLED, ImageRow
from wsdkd.distill.in_view import LabelsInView
from wsdkd.distill.params import DistillFeaturesParams, SoftenedPredictions
from wsdkd.networks.roi_pooling import stack_rois
from wsdkd.scores import image_scores
from wsdkd.training.loader import Batch, Labels, Supervision
from wsdkd.training.pictures import memory_budget
from wsdkd.training.views import View

Asked = Callable[[Supervision], Supervision]
"""Puts before a supervision that reads a teacher's views what has to be done for them to be there."""


def as_it_is(supervision: Supervision) -> Supervision:
    """Of a cache the views are there."""
    return supervision


KEPT_BYTES = 256
"""Of an array besides its values, and of its place among the others."""


class Taught(Labels):
    """Adds to :class:`Labels` where the teacher's word counts, ``taught`` (B, K).

    That is where a class is known, and everywhere in images whose labels nobody knows (split ``unlabelled``).
    With ``in_view`` neither the label nor the teacher's word counts of classes that a crop has lost.
    """

    def __init__(self, rows: Sequence[ImageRow], num_classes: int, in_view: LabelsInView | None = None):
        super().__init__(rows, num_classes)
        self.in_view = in_view

    def __call__(self, views: Sequence[View]) -> Batch:
        """See the class."""
        batch = super().__call__(views)
        unlabelled = torch.tensor([self.rows[view.row].split == UNLABELLED for view in views])
        batch["taught"] = batch["known"] | unlabelled[:, None]
        if self.in_view is not None:
            for place, view in enumerate(views):
                lost = self.in_view.lost(view)
                batch["known"][place, lost] = batch["taught"][place, lost] = False
        return batch


def taught(rows: Sequence[ImageRow], cache: TeacherViews, labels_in_view: float | None) -> Taught:
    """:class:`Taught` of images in a cache; ``labels_in_view`` is the key of that name of a stage."""
    in_view = None if labels_in_view is None else LabelsInView(rows, cache, labels_in_view)
    return Taught(rows, len(cache.classes), in_view)


class CachedPredictions:
    """Adds to :class:`Taught` the teacher's softened image scores ``teacher_scores``, p' (B, K) (Eq. 10).

    They are kept in memory where those of all views fit the budget, and ``keep`` allows it: not those of a
    teacher that runs along, who is asked each time.
    """

    def __init__(
        self,
        rows: Sequence[ImageRow],
        cache: TeacherViews,
        params: SoftenedPredictions,
        labels_in_view: float | None = None,
        keep: bool = True,
    ):
        self.rows, self.cache, self.params = rows, cache, params
        self.labels = taught(rows, cache, labels_in_view)
        self._kept: dict[int, np.ndarray] = {}
        size = VIEWS * len(rows) * (len(cache.classes) * np.dtype(np.float32).itemsize + KEPT_BYTES)
        self._keeps = keep and size <= memory_budget()

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


class CachedFeatures:
    """Adds to :class:`Taught` what the cache holds of the chosen RoIs.

    Gives ``rois`` (R, 5) in pixels of the student's input, ``objectness`` (R,), ``confidence`` (R,),
    ``features`` (R, D) and ``region_targets`` (R, K); and what :class:`CachedPredictions` gives where the
    parameters have ``predictions``. Of an augmented view these are the RoIs in view, with what the teacher
    said of them in the clean one.
    """

    def __init__(
        self,
        rows: Sequence[ImageRow],
        cache: TeacherViews,
        params: DistillFeaturesParams,
        keep: bool = True,
    ):
        self.rows, self.cache, self.best = rows, cache, params.rois
        self.of_images: Supervision = (
            taught(rows, cache, params.labels_in_view)
            if params.predictions is None
            else CachedPredictions(rows, cache, params.predictions, params.labels_in_view, keep)
        )

    def __call__(self, views: Sequence[View]) -> Batch:
        """See the class."""
        boxes, parts = [], []
        for view in views:
            row = self.rows[view.row]
            seen = self.cache.view(row.image_id, view.mirrored)
            chosen = seen.chosen[: self.best]
            targets = region_targets(row, seen)
            in_view = view.regions(seen.boxes[chosen], row.width, row.height)
            chosen = chosen[in_view.places]
            boxes.append(in_view.boxes)
            parts.append(
                {
                    "objectness": seen.objectness[chosen],
                    "confidence": seen.confidence[in_view.places],
                    "features": seen.features[in_view.places],
                    "region_targets": targets[in_view.places],
                }
            )
        joined = {
            name: torch.from_numpy(np.concatenate([part[name] for part in parts])).float()
            for name in parts[0]
        }
        return {**self.of_images(views), "rois": stack_rois(boxes), **joined}


def region_targets(row: ImageRow, seen: CachedView) -> np.ndarray:
    """How far each chosen region holds an object of each class: float32 (c, K), in [0, 1].

    What the teacher says of it, and 0 for classes that the image is not known to hold: the teacher says
    where, the label says whether. Where nobody knows the labels the teacher says that, too: by its image
    scores p.

    Args:
        row: of the image.
        seen: what the teacher says of it.
    """
    if row.split == UNLABELLED:
        held = image_scores(seen.class_logits, seen.detection_logits)
    else:
        held = np.zeros(seen.class_logits.shape[1], np.float32)
        held[list(row.labels)] = 1
    targets: np.ndarray = (seen.shares * held).astype(np.float32)
    return targets

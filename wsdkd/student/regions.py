"""The student on regions of a picture: how it sees them, and how it learns from them without a teacher.

A region that is classified by itself is an augmentation: the object without what usually stands around it, or
the surroundings without the object. It needs proposals and labels, and nobody who detects.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from wsdkd.data.tables import ImageRow
from wsdkd.networks.roi_pooling import pool_regions, stack_rois
from wsdkd.proposals.stored import Proposals
from wsdkd.student.learning import LabelObjective
from wsdkd.student.network import Student
from wsdkd.student.params import BaselineParams
from wsdkd.training.loader import Batch, Labels
from wsdkd.training.params import LabelLoss
from wsdkd.training.region_loss import region_loss
from wsdkd.training.views import View


class StudentPass:
    """One pass of the student over a batch: each part is computed once, when a loss first asks for it.

    fc6 and fc7 in each cell cost as much as a stage of a small backbone.

    Args:
        student: the network.
        batch: with ``stem`` and, for regions, ``rois`` and ``objectness``.
        pooling: of regions, as :func:`pool_regions` takes it.
        objectness: whether pooled regions are multiplied by their objectness.
    """

    def __init__(self, student: Student, batch: Batch, pooling: str, objectness: bool):
        self.batch, self.maps = batch, student.backbone.maps(batch["stem"])
        self._student, self._pooling, self._objectness = student, pooling, objectness

    @cached_property
    def embedded(self) -> Tensor:
        """The last map, after fc6 and fc7 in each cell where there are any."""
        return self._student.embed(self.maps[-1])

    @cached_property
    def regions(self) -> Tensor:
        """(R, feature_dim), by the very layers that the student then applies to the whole image."""
        layers = self._student.fully_connected
        bins = 1 if layers is None else layers.bins
        pooled = self.pool(self.embedded, bins, self._pooling)
        if self._objectness:
            pooled = pooled * self.batch["objectness"][:, None, None, None]
        return self._student.vector(pooled)

    def pool(self, feature_map: Tensor, bins: int, pooling: str) -> Tensor:
        """The batch's regions of a feature map (B, C, h, w): (R, C, bins, bins)."""
        # A cell is a stride wide, whatever is left over at the edge of a picture.
        finer = round(feature_map.shape[-1] / self.maps[-1].shape[-1])
        scale = finer / self._student.backbone.stride
        return pool_regions(feature_map, self.batch["rois"], bins, scale, pooling)


class RandomRegions:
    """Adds to :class:`Labels` the ``rois`` (R, 5) in pixels of the input: some proposals, others each time.

    Args:
        rows: the images.
        num_classes: K.
        proposals: of all these images.
        params: section ``baseline``.
        seed: of the draws, with the number of each view in the training.
    """

    def __init__(
        self,
        rows: Sequence[ImageRow],
        num_classes: int,
        proposals: Proposals,
        params: BaselineParams,
        seed: int,
    ):
        self.rows, self.proposals, self.params, self.seed = rows, proposals, params, seed
        self.labels = Labels(rows, num_classes)

    def __call__(self, views: Sequence[View]) -> Batch:
        """See the class."""
        count = None if self.params.regions == "all" else self.params.regions
        boxes = []
        for view in views:
            row = self.rows[view.row]
            found, _ = self.proposals.of(row.image_id, self.params.proposals)
            in_view = view.regions(found, row.width, row.height).boxes
            rng = np.random.default_rng([self.seed, view.turn])
            boxes.append(in_view[rng.permutation(len(in_view))[:count]])
        return {**self.labels(views), "rois": stack_rois(boxes)}


class RegionObjective(LabelObjective):
    """A student that learns its images' labels, and that each of some regions holds all of them.

    Args:
        student: learns.
        loss: against the labels of images; that of regions is cross-entropy.
        weight: of the loss on regions.
    """

    def __init__(self, student: Student, loss: LabelLoss, weight: float):
        super().__init__(student, loss)
        self.weight = weight

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The losses ``labels`` and ``regions``."""
        seen = StudentPass(self.student, batch, "align", objectness=False)
        logits = self.student.classify_embedded(seen.embedded)
        image = batch["rois"][:, 0].long()
        of_regions = self.student.classifier(seen.regions).float()
        regions = region_loss(of_regions, batch["labels"][image], batch["known"][image])
        labels = self.label_loss(logits, batch["labels"], batch["known"])
        return {"labels": labels, "regions": self.weight * regions}

    def weights(self, batch: Batch) -> dict[str, Tensor]:
        """Of ``regions``: it averages over these, not over images."""
        return {"regions": torch.tensor(float(len(batch["rois"])), device=batch["rois"].device)}

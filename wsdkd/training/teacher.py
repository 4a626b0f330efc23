"""Training the teacher from image-level labels and proposals (WSDDN; release)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from wsdkd.losses.refinement import refinement_loss
from wsdkd.losses.wsddn import wsddn_loss
from wsdkd.models.scores import image_scores, region_scores
from wsdkd.models.teacher import Wsddn
from wsdkd.proposals.shards import Proposals
from wsdkd.tables.images import ImageRow
from wsdkd.training.labels import Labels
from wsdkd.training.loader import Batch
from wsdkd.training.loop import Objective
from wsdkd.training.regions import stack_rois, to_input
from wsdkd.training.views import View


class RegionsAndLabels:
    """What the teacher's loss needs of views.

    Gives ``rois`` (R, 5) in pixels of the input, ``objectness`` (R,), ``labels`` (B, K) and ``known``
    (B, K).
    """

    def __init__(self, rows: Sequence[ImageRow], num_classes: int, proposals: Proposals, best: int):
        self.rows, self.proposals, self.best = rows, proposals, best
        self.labels = Labels(rows, num_classes)

    def __call__(self, views: Sequence[View]) -> Batch:
        """See the class."""
        boxes, scores = [], []
        for view in views:
            row = self.rows[view.row]
            found, objectness = self.proposals.of(row.image_id, self.best)
            boxes.append(to_input(found, row, view))
            scores.append(objectness)
        return {
            **self.labels(views),
            "rois": stack_rois(boxes),
            "objectness": torch.from_numpy(np.concatenate(scores).astype(np.float32)),
        }


class TeacherObjective(Objective):
    """The teacher with its loss."""

    def __init__(self, teacher: Wsddn):
        super().__init__()
        self.teacher = teacher
        self.backbone = teacher.backbone

    def new_layers(self) -> list[nn.Module]:
        """Both heads, and fc6 and fc7 where they are not pretrained."""
        return self.teacher.new_layers()

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The loss ``wsddn``, and with branches of refinement the loss ``refinement``."""
        rois, labels, known = batch["rois"], batch["labels"], batch["known"]
        image = rois[:, 0].long()
        outputs = self.teacher.regions(batch["stem"], rois, batch["objectness"])
        # All of it in fp32: the outputs are, and autocast would narrow some of what is made of them.
        with torch.autocast(rois.device.type, enabled=False):
            scores = region_scores(outputs.class_logits, outputs.detection_logits, image, len(labels))
            losses = {"wsddn": wsddn_loss(image_scores(scores, image, len(labels)), labels, known)}
            if outputs.refinement_logits.shape[1]:
                losses["refinement"] = refinement_loss(outputs.refinement_logits, scores, rois, labels, known)
        return losses

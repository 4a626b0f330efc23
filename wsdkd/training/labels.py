"""Training on image-level labels alone: the baseline, and what both stages of distillation add to."""

from collections.abc import Sequence

import torch
from torch import nn

from wsdkd.losses.predictions import label_loss
from wsdkd.models.student import Student
from wsdkd.tables.images import ImageRow, targets
from wsdkd.training.loader import Batch
from wsdkd.training.loop import Objective
from wsdkd.training.views import View


class Labels:
    """What the label loss needs of views: ``labels`` (B, K) and ``known`` (B, K)."""

    def __init__(self, rows: Sequence[ImageRow], num_classes: int):
        self.rows, self.num_classes = rows, num_classes

    def __call__(self, views: Sequence[View]) -> Batch:
        """See the class."""
        labels, known = targets([self.rows[view.row] for view in views], self.num_classes)
        return {"labels": torch.from_numpy(labels), "known": torch.from_numpy(known)}


class LabelObjective(Objective):
    """A student with the label loss L_p (Eq. 5)."""

    def __init__(self, student: Student):
        super().__init__()
        self.student = student
        self.backbone = student.backbone

    def new_layers(self) -> list[nn.Module]:
        """The student's."""
        return self.student.new_layers()

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The loss ``labels``."""
        logits = self.student.classify(self.backbone.trunk(batch["stem"]))
        return {"labels": label_loss(logits, batch["labels"], batch["known"])}

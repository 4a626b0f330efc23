"""Training on image-level labels alone: the baseline, and what both stages of distillation add to."""

import torch
from torch import nn

from wsdkd.losses.predictions import label_loss
from wsdkd.models.student import Student
from wsdkd.training.loader import Batch
from wsdkd.training.loop import Objective


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

"""How the student learns from image-level labels: alone it is the baseline; distillation adds to it."""

import torch
from torch import nn
from torch.nn import functional as F

from wsdkd.student.network import Student
from wsdkd.training.learner import Objective
from wsdkd.training.loader import Batch


def label_loss(logits: torch.Tensor, labels: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """L_p (Eq. 5): sigmoid cross-entropy with the labels, summed over classes, averaged over images.

    Args:
        logits: z, (B, K).
        labels: y, (B, K), 1 where the class is present.
        known: bool (B, K), False where a class is ignored.
    """
    loss = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return (loss * known).sum() / len(logits)


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

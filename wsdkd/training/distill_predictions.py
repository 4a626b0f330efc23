"""Stage 2: the student learns the labels and the teacher's softened image scores (Eq. 5, Eq. 10)."""

import torch

from wsdkd.losses.predictions import label_loss, prediction_loss
from wsdkd.models.student import Student
from wsdkd.params.student import DistillPredictionsParams
from wsdkd.training.label_objective import LabelObjective
from wsdkd.training.loader import Batch


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

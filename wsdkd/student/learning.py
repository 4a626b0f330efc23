"""How a student learns from image-level labels. Alone that makes the baseline; distillation adds to it."""

from collections.abc import Sequence

from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from wsdkd.data.tables import ImageRow
from wsdkd.student.network import Student
from wsdkd.training.course import Images
from wsdkd.training.learner import Objective
from wsdkd.training.loader import Batch, Labels
from wsdkd.training.loop import Task
from wsdkd.training.pictures import Pictures


def label_loss(
    logits: Float[Tensor, "images classes"],
    labels: Float[Tensor, "images classes"],
    known: Bool[Tensor, "images classes"],
) -> Float[Tensor, ""]:
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

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The loss ``labels``."""
        logits = self.student.classify(self.backbone.trunk(batch["stem"]))
        return {"labels": label_loss(logits, batch["labels"], batch["known"])}


def labels_of(rows: Sequence[ImageRow], network: Student, images: Images) -> Task:
    """The label loss of a student on some of the images."""
    pictures = Pictures(rows, images.root, [network.params.input_size])
    return Task(LabelObjective(network), pictures, Labels(rows, len(images.classes)))

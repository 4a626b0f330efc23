"""How a student learns from image-level labels. Alone that makes the baseline; distillation adds to it."""

from collections.abc import Callable, Sequence

from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from wsdkd.data.tables import ImageRow
from wsdkd.student.network import Student
from wsdkd.training.asymmetric import asymmetric_loss
from wsdkd.training.course import Images
from wsdkd.training.learner import Examined, Objective
from wsdkd.training.loader import Batch, Labels
from wsdkd.training.loop import Task
from wsdkd.training.params import LabelLoss
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


LABEL_LOSSES: dict[LabelLoss, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "cross_entropy": label_loss,
    "asymmetric": asymmetric_loss,
}


class LabelObjective(Objective):
    """A student with the label loss L_p (Eq. 5), or with another one in its place."""

    def __init__(self, student: Student, loss: LabelLoss = "cross_entropy"):
        super().__init__()
        self.student = student
        self.backbone = student.backbone
        self.label_loss = LABEL_LOSSES[loss]

    def new_layers(self) -> list[nn.Module]:
        """The student's."""
        return self.student.new_layers()

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The losses of :meth:`examine`."""
        return self.examine(batch).losses

    def examine(self, batch: Batch) -> Examined:
        """The loss ``labels``, and logits."""
        logits = self.student.classify(self.backbone.trunk(batch["stem"]))
        return Examined({"labels": self.label_loss(logits, batch["labels"], batch["known"])}, logits)


def labels_of(
    rows: Sequence[ImageRow], network: Student, images: Images, loss: LabelLoss = "cross_entropy"
) -> Task:
    """The label loss of a student on some of the images."""
    pictures = Pictures(rows, images.root, [network.params.input_size])
    return Task(LabelObjective(network, loss), pictures, Labels(rows, len(images.classes)))

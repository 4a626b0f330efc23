"""Stage 2 of distillation: the student learns the labels and the teacher's image scores (Eq. 5, Eq. 10)."""

from pathlib import Path

from jaxtyping import Bool, Float
from torch import Tensor

from wsdkd.cache.view import KeptTeacher
from wsdkd.distill.from_cache import Asked, CachedPredictions, as_it_is
from wsdkd.distill.params import DistillPredictionsParams
from wsdkd.ground.errors import UserError
from wsdkd.student.learning import LabelObjective, label_loss, labels_of
from wsdkd.student.network import Student, load_student
from wsdkd.training.course import Course, Images
from wsdkd.training.learner import Examined
from wsdkd.training.loader import Batch
from wsdkd.training.loop import Phase, Task
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import start


def prediction_loss(
    logits: Float[Tensor, "images classes"],
    teacher_scores: Float[Tensor, "images classes"],
    taught: Bool[Tensor, "images classes"],
    temperature: float,
) -> Float[Tensor, ""]:
    """L_p' (Eq. 10; release): sigmoid cross-entropy of z / t with the teacher's softened scores p'.

    The release has no factor t^2.

    Args:
        logits: z, (B, K).
        teacher_scores: p', (B, K), from :func:`wsdkd.scores.image_scores` at t^c and t^d.
        taught: bool (B, K), False where the teacher's word does not count: of a class that is ignored.
        temperature: t.
    """
    return label_loss(logits / temperature, teacher_scores, taught)


class PredictionObjective(LabelObjective):
    """The student with L = L_p + L_p', each with its weight (release: 1 and 1)."""

    def __init__(self, student: Student, params: DistillPredictionsParams):
        super().__init__(student, params.training.label_loss)
        self.params = params

    def examine(self, batch: Batch) -> Examined:
        """The losses ``labels`` and ``predictions``, and logits."""
        logits = self.student.classify(self.backbone.trunk(batch["stem"]))
        labels = self.label_loss(logits, batch["labels"], batch["known"])
        teacher = prediction_loss(logits, batch["teacher_scores"], batch["taught"], self.params.temperature)
        losses = {
            "labels": self.params.label_weight * labels,
            "predictions": self.params.teacher_weight * teacher,
        }
        return Examined(losses, logits)


def predictions_course(
    student: Path,
    predictions: DistillPredictionsParams,
    images: Images,
    teacher: KeptTeacher,
    asked: Asked = as_it_is,
) -> Course:
    """Stage 2: the student of stage 1 learns from labels and from the teacher's predictions.

    Args:
        student: folder of the network that stage 1 wrote.
        predictions: section ``distill_predictions``.
        images: to learn from.
        teacher: knows these images.
        asked: of one that runs along, shows it each batch.

    Raises:
        UserError: the network is damaged, or learned other classes.
    """
    accelerator = start(predictions.training)
    network, params, classes, _ = load_student(student)
    if classes != list(images.classes):
        raise UserError(f"{student}: trained on other classes than the dataset has now; run: dvc repro")
    in_view, keep = predictions.labels_in_view, asked is as_it_is
    taught = asked(CachedPredictions(images.train, teacher, predictions, in_view, keep))
    pictures = Pictures(images.train, images.root, [params.input_size])
    phase = Phase(Task(PredictionObjective(network, predictions), pictures, taught), predictions.training)
    watched = labels_of(images.val, network, images, predictions.training.label_loss)
    return Course(accelerator, network, params, [phase], watched)

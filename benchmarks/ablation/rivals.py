"""Rivals as published, on our student: same weights at first, same images, same order, same epochs.

- ``whole_map``: features of the whole map (hints of Romero et al., "FitNets", ICLR 2015).
- ``own_average``: the student's own running average teaches it (Tarvainen and Valpola, "Mean teachers",
  NeurIPS 2017).
- ``l2d``: multi-label logits distillation and label-wise embedding distillation (Yang et al., "Multi-Label
  Knowledge Distillation", ICCV 2023).

The teacher of the first and the last is the plain classifier of our teacher's backbone and resolution, as in
these papers; nothing of it comes from regions. Each loss is learned in the epochs of both our stages.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from benchmarks.ablation.live import train_student
from benchmarks.device import device
from wsdkd import project
from wsdkd.data.photographs import photographs_folder
from wsdkd.data.tables import TAUGHT, ImageRow, read_classes, read_images
from wsdkd.distill.from_cache import Taught
from wsdkd.distill.params import DistillPredictionsParams
from wsdkd.distill.predictions import prediction_loss
from wsdkd.ground.errors import UserError
from wsdkd.settings.sections import load_section
from wsdkd.student.learning import LabelObjective
from wsdkd.student.network import LoadedStudent, Student, load_student
from wsdkd.training.loader import Batch
from wsdkd.training.params import LabelLoss
from wsdkd.training.pictures import Pictures
from wsdkd.training.views import View

MAP_WEIGHT = 5.0
"""Of the loss on the whole map, which is relative: as much as our profiles give to that on regions."""
DECAY = 0.99
"""Of the running average, once it has seen enough steps."""

BATCH, CLASSES = 64, 80
"""Images a step of the authors' L2D, whose label loss is a sum over these and over COCO's classes."""
LOGITS, BY_CLASS, BY_IMAGE = 10 / BATCH, 100 / BATCH, 1000.0
"""The authors' weights of L2D's losses, beside a label loss that is averaged over images.

Those of embeddings are for 80 classes. A label loss over fewer is smaller, and so are they in proportion.
"""
EMBEDDINGS = 0.01
"""Share of the authors' weights of embeddings.

At the whole of them, and at a tenth, these losses drown the labels here; a hundredth and a thousandth differ
by less than a seed (docs/results.md).
"""

Says = Callable[[Student, Tensor], Batch]
"""(classifier, its map after all layers of cells (B, D, h, w)) -> what is kept of each image."""


class PlainTeacher:
    """Adds to :class:`Taught` what a plain classifier says of views, without dropout.

    It is the same in every epoch, so each view is shown to it once and kept in half precision.
    """

    def __init__(self, rows: Sequence[ImageRow], root: Path, loaded: LoadedStudent, says: Says):
        self.model, self.size, self.says = loaded.model, loaded.params.input_size, says
        self.labels = Taught(rows, len(loaded.classes))
        self.pictures = Pictures(rows, root, [self.size])
        self.device = device()
        self.model.to(self.device).to(memory_format=torch.channels_last)
        self._kept: dict[tuple[int, bool], Batch] = {}

    @torch.no_grad()
    def __call__(self, views: Sequence[View]) -> Batch:
        """See the class."""
        new = [view for view in views if (view.row, view.mirrored) not in self._kept]
        if new:
            clean = [view._replace(size=self.size, change=None) for view in new]
            pictures = self.pictures.load(clean).to(self.device)
            said = self.says(self.model, self.model.embed(self.model.backbone(pictures)).float())
            for place, view in enumerate(new):
                self._kept[view.row, view.mirrored] = {
                    name: x[place].half().cpu() for name, x in said.items()
                }
        kept = [self._kept[view.row, view.mirrored] for view in views]
        joined = {name: torch.stack([each[name] for each in kept]).float() for name in kept[0]}
        return {**self.labels(views), **joined}


class WholeMap(LabelObjective):
    """A student of labels and of the teacher's last map, cell by cell.

    L = L_p + w * sum over cells || W f^S - f^T ||^2 / sum over cells || f^T ||^2, averaged over images; W is
    learned along.

    Args:
        student: learns.
        loss: against the labels.
        teacher_width: D of the teacher's cells.
    """

    def __init__(self, student: Student, loss: LabelLoss, teacher_width: int):
        super().__init__(student, loss)
        self.projection = nn.Conv2d(cell_width(student), teacher_width, 1)

    def new_layers(self) -> list[nn.Module]:
        """The student's, and the projection."""
        return [*super().new_layers(), self.projection]

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The losses ``labels`` and ``map``."""
        embedded = self.student.embed(self.backbone.trunk(batch["stem"]))
        labels = self.label_loss(self.student.classify_embedded(embedded), batch["labels"], batch["known"])
        wanted = resized(batch["teacher_map"], embedded.shape[-1])
        distance = (self.projection(embedded).float() - wanted).square().sum(dim=(1, 2, 3))
        relative = distance / wanted.square().sum(dim=(1, 2, 3)).clamp_min(1e-6)
        return {"labels": labels, "map": MAP_WEIGHT * relative.mean()}


def cell_width(classifier: Student) -> int:
    """Features of a cell of its map after all layers of cells."""
    return classifier.backbone.channels if classifier.embedding is None else classifier.feature_dim


def resized(maps: Float[Tensor, "images width h w"], side: int) -> Float[Tensor, "images width side side"]:
    """Maps of another number of cells, each the mean of what it covers."""
    return F.interpolate(maps, size=(side, side), mode="bilinear", antialias=True, align_corners=False)


class OwnAverage(LabelObjective):
    """A student of labels and of the scores that the running average of its own weights gives.

    After step n the average keeps min(0.99, (1 + n) / (10 + n)) of itself. L = L_p + L_p' at temperature 1.
    """

    def __init__(self, student: Student, loss: LabelLoss):
        super().__init__(student, loss)
        self.average = AveragedModel(student, avg_fn=_averaged, use_buffers=True).requires_grad_(False)

    def train(self, mode: bool = True) -> "OwnAverage":
        """The student; its average stays in evaluation mode, with the statistics that it has averaged."""
        super().train(mode)
        self.average.eval()
        return self

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The losses ``labels`` and ``predictions``."""
        if self.training:
            self.average.update_parameters(self.student)
        with torch.no_grad():
            own = cast("Student", self.average.module)
            scores = torch.sigmoid(own.classify(own.backbone.trunk(batch["stem"]))).float()
        logits = self.student.classify(self.backbone.trunk(batch["stem"]))
        labels = self.label_loss(logits, batch["labels"], batch["known"])
        return {"labels": labels, "predictions": prediction_loss(logits, scores, batch["taught"], 1.0)}


def _averaged(average: Tensor, now: Tensor, count: Tensor | int) -> Tensor:
    decay = min(DECAY, (1 + int(count)) / (10 + int(count)))
    return decay * average + (1 - decay) * now if average.is_floating_point() else now.clone()


class LabelWise(LabelObjective):
    """L2D: a student of labels, of the teacher's scores, and of how its label-wise embeddings lie.

    The authors put a decoder with a query a class on both networks. Our student stays as it is: a class looks
    at the cells by its own weights in the classifier (:func:`label_embeddings`), which needs no new layer.
    """

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The losses ``labels``, ``predictions`` (MLD), ``classes`` and ``images`` (LED)."""
        embedded = self.student.embed(self.backbone.trunk(batch["stem"]))
        logits = self.student.classify_embedded(embedded)
        own = label_embeddings(embedded.float(), self.student.classifier.weight.float())
        theirs, labels = batch["teacher_embeddings"], batch["labels"]
        share = EMBEDDINGS * labels.shape[1] / CLASSES
        return {
            "labels": self.label_loss(logits, labels, batch["known"]),
            "predictions": LOGITS * prediction_loss(logits, batch["teacher_scores"], batch["taught"], 1.0),
            "classes": share * BY_CLASS * structure_losses(own, theirs, labels),
            "images": share
            * BY_IMAGE
            * structure_losses(own.transpose(0, 1), theirs.transpose(0, 1), labels.T)
            / len(labels),
        }


def label_embeddings(
    cells: Float[Tensor, "images width h w"], weight: Float[Tensor, "classes width"]
) -> Float[Tensor, "images classes width"]:
    """e_k = sum over cells of softmax_cells(w_k . f) f: what of an image class k is told by."""
    vectors = cells.flatten(2)
    attention = torch.einsum("kd,bdn->bkn", weight, vectors).softmax(dim=2)
    return torch.einsum("bkn,bdn->bkd", attention, vectors)


def structure_losses(
    own: Float[Tensor, "a b width"], theirs: Float[Tensor, "a b other"], present: Float[Tensor, "a b"]
) -> Float[Tensor, ""]:
    """The sum over b of :func:`structure_loss` of those a that are present in it, where they are two or more.

    With images as a and classes as b it is the class-aware loss of L2D, the other way round, but for a mean
    over images, the instance-aware one.
    """
    losses = [
        structure_loss(own[chosen, place], theirs[chosen, place])
        for place, chosen in enumerate((present > 0).unbind(dim=1))
        if int(chosen.sum()) > 1
    ]
    return torch.stack(losses).sum() if losses else own.sum() * 0


def structure_loss(own: Float[Tensor, "n width"], theirs: Float[Tensor, "n other"]) -> Float[Tensor, ""]:
    """Huber loss between the distances of n points in two spaces, each as a share of their mean, over n."""
    return F.smooth_l1_loss(_distances(own), _distances(theirs), reduction="sum") / len(own)


def _distances(points: Tensor) -> Tensor:
    # Not by products: their square roots have no gradient where two points are the same.
    found = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
    pairs = len(points) * (len(points) - 1)
    return found / (found.sum() / pairs).clamp_min(1e-6)


def distil_whole_map(teacher: Path) -> None:
    """Train a student of the whole map of the plain classifier in a folder; writes models/student."""
    loaded, rows, loss = load_student(teacher), read_images(project.IMAGES, TAUGHT), _label_loss()
    width = cell_width(loaded.model)
    said = PlainTeacher(
        rows, photographs_folder(project.IMAGES), loaded, lambda _, cells: {"teacher_map": cells}
    )
    train_student(rows, lambda student: ((WholeMap(student, loss, width), said),) * 2)


def distil_l2d(teacher: Path) -> None:
    """Train a student by L2D from the plain classifier in a folder; writes models/student.

    Raises:
        UserError: the classifier does not look at cells.
    """
    loaded, rows, loss = load_student(teacher), read_images(project.IMAGES, TAUGHT), _label_loss()
    if loaded.model.fully_connected is not None:
        raise UserError(
            f"teacher.network.backbone: {loaded.params.network.backbone} has fc6 and fc7 behind its cells, "
            "so that no class has weights for a cell, which variant l2d needs; name another backbone"
        )
    said = PlainTeacher(rows, photographs_folder(project.IMAGES), loaded, _label_wise)
    train_student(rows, lambda student: ((LabelWise(student, loss), said),) * 2)


def distil_own_average() -> None:
    """Train a student that its own average teaches; writes models/student."""
    rows, loss = read_images(project.IMAGES, TAUGHT), _label_loss()
    labels = Taught(rows, len(read_classes(project.CLASSES)))
    train_student(rows, lambda student: ((OwnAverage(student, loss), labels),) * 2)


def _label_wise(model: Student, cells: Tensor) -> Batch:
    return {
        "teacher_scores": torch.sigmoid(model.classify_embedded(cells)),
        "teacher_embeddings": label_embeddings(cells, model.classifier.weight),
    }


def _label_loss() -> LabelLoss:
    params: DistillPredictionsParams = load_section("distill_predictions", DistillPredictionsParams)
    return params.training.label_loss


RIVALS: dict[str, Callable[[Path], None]] = {"whole_map": distil_whole_map, "l2d": distil_l2d}
"""Variant -> what trains it from the plain classifier in a folder and writes models/student."""

"""Stage 1 of distillation: the student learns the teacher's object-level features at regions of interest.

The losses as functions, and three recipes of the same interface, chosen by name with
:func:`feature_objective`:

- ``release``: :class:`ReleaseFeatures`, as the authors' network definitions have it.
- ``paper``: :class:`PaperFeatures`, as the paper's figures and Eq. 3 and Eq. 4 tell it (unverified).
- ``regions``: :class:`RegionFeatures`, this project's own.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from wsdkd.cache.view import KeptTeacher
from wsdkd.distill.from_cache import Asked, CachedFeatures, as_it_is
from wsdkd.distill.params import DistillFeaturesParams
from wsdkd.distill.predictions import prediction_loss
from wsdkd.student.learning import LABEL_LOSSES, labels_of
from wsdkd.student.network import Student
from wsdkd.student.params import StudentParams
from wsdkd.student.regions import StudentPass
from wsdkd.training.course import Course, Images
from wsdkd.training.learner import Objective
from wsdkd.training.loader import Batch
from wsdkd.training.loop import Phase, Task
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import seed_all, start
from wsdkd.training.region_loss import region_loss

PAPER_LAYERS = 3
"""The last stages of the backbone whose features recipe ``paper`` compares."""


def feature_loss(
    student: Float[Tensor, "regions width"],
    teacher: Float[Tensor, "regions width"],
    weights: Float[Tensor, " regions"] | None = None,
) -> Float[Tensor, ""]:
    """L_f = sum_r w_r || f^S_r - f^T_r ||^2 / (2 sum_r w_r), over the regions of a batch.

    With equal weights it is the Euclidean loss of the release, 1 / (2N) sum_r || ... ||^2; without
    any region it is 0.

    Args:
        student: f^S, (R, D).
        teacher: f^T, (R, D).
        weights: w_r, (R,), the teacher's confidence in each region (Eq. 4, unverified); equal by
            default.
    """
    distance = (student - teacher).square().sum(dim=1)
    if weights is None:
        return distance.mean() / 2 if len(distance) else distance.sum()
    return (weights * distance).sum() / (2 * weights.sum().clamp_min(1e-6))


def relative_feature_loss(
    student: Float[Tensor, "regions width"],
    teacher: Float[Tensor, "regions width"],
    weights: Float[Tensor, " regions"],
) -> Float[Tensor, ""]:
    """:func:`feature_loss` as a share of the teacher's features' own weighted square sum.

    It is 1 where the student says zero, whatever the width and the scale of the features.
    """
    scale = (weights * teacher.square().sum(dim=1)).sum() / (2 * weights.sum().clamp_min(1e-6))
    return feature_loss(student, teacher, weights) / scale.clamp_min(1e-6)


class FeatureObjective(Objective):
    """The student with a recipe's feature loss, and region, label and prediction losses beside it.

    A recipe says which of the student's features are held against the teacher's, and how they are weighted.

    Args:
        student: learns.
        params: section ``distill_features``.
        projections: carry the student's features to the teacher's width; learned along, then thrown away.
    """

    pooling: Literal["max", "align"] = "align"
    """Of regions, before the student's own layers."""
    objectness = False
    """Whether these are multiplied by their objectness."""

    def __init__(self, student: Student, params: DistillFeaturesParams, projections: Sequence[nn.Module]):
        super().__init__()
        self.student, self.params = student, params
        self.backbone = student.backbone
        self.projections = nn.ModuleList(projections)

    def new_layers(self) -> list[nn.Module]:
        """The student's, and the projections."""
        return [*self.student.new_layers(), self.projections]

    def feature_loss(self, seen: StudentPass) -> Tensor:
        """The recipe's L_f."""
        raise NotImplementedError

    def feature_weight(self, batch: Batch) -> Tensor:
        """What the recipe's L_f divides by in a batch, but for a constant."""
        raise NotImplementedError

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The loss ``features``, and ``regions``, ``labels`` and ``predictions`` where they have a weight."""
        params, soft = self.params, self.params.predictions
        seen = StudentPass(self.student, batch, self.pooling, self.objectness)
        losses = {"features": params.feature_weight * self.feature_loss(seen)}
        if params.region_weight:
            logits = self.student.classifier(seen.regions).float()
            taught = batch["taught"][batch["rois"][:, 0].long()]
            losses["regions"] = params.region_weight * region_loss(logits, batch["region_targets"], taught)
        if params.label_weight or soft is not None:
            logits = self.student.classify_embedded(seen.embedded)
            if params.label_weight:
                of_labels = LABEL_LOSSES[params.training.label_loss](logits, batch["labels"], batch["known"])
                losses["labels"] = params.label_weight * of_labels
            if soft is not None:
                loss = prediction_loss(logits, batch["teacher_scores"], batch["taught"], soft.temperature)
                losses["predictions"] = soft.teacher_weight * loss
        return losses

    def weights(self, batch: Batch) -> dict[str, Tensor]:
        """Of ``features``, by recipe, and of ``regions``: they average over regions, not over images."""
        regions = batch["confidence"].new_tensor(len(batch["confidence"]))
        return {"features": self.feature_weight(batch), "regions": regions}


class ReleaseFeatures(FeatureObjective):
    """RoI max-pooling times objectness, the student's own fc6 and fc7, Euclidean loss at all RoIs alike."""

    pooling = "max"
    objectness = True

    def __init__(self, student: Student, params: DistillFeaturesParams, teacher_width: int):
        super().__init__(student, params, [_projection(student.feature_dim, teacher_width)])

    def feature_loss(self, seen: StudentPass) -> Tensor:
        """See the class."""
        return feature_loss(self.projections[0](seen.regions).float(), seen.batch["features"])

    def feature_weight(self, batch: Batch) -> Tensor:
        """The number of regions."""
        return batch["confidence"].new_tensor(len(batch["confidence"]))


class PaperFeatures(FeatureObjective):
    """Features of the last three stages (Eq. 3), each globally pooled over the RoI.

    They are weighted by the teacher's confidence (Eq. 4, unverified).
    """

    def __init__(self, student: Student, params: DistillFeaturesParams, teacher_width: int):
        widths = student.backbone.widths()[-PAPER_LAYERS:]
        super().__init__(student, params, [_projection(width, teacher_width) for width in widths])

    def feature_loss(self, seen: StudentPass) -> Tensor:
        """The mean of the L_f^l over the stages l."""
        losses = []
        for feature_map, projection in zip(seen.maps[-PAPER_LAYERS:], self.projections, strict=True):
            vectors = projection(seen.pool(feature_map, 1, "align").flatten(1)).float()
            losses.append(feature_loss(vectors, seen.batch["features"], seen.batch["confidence"]))
        return torch.stack(losses).mean()

    def feature_weight(self, batch: Batch) -> Tensor:
        """The sum of the confidences."""
        return batch["confidence"].sum()


class RegionFeatures(FeatureObjective):
    """The last feature map by RoIAlign, the error relative to the features and weighted by confidence.

    The projection is learned even between equal widths: where the student's features must also serve its
    classifier, it leaves them the freedom to differ from the teacher's.
    """

    def __init__(self, student: Student, params: DistillFeaturesParams, teacher_width: int):
        super().__init__(student, params, [nn.Linear(student.feature_dim, teacher_width)])

    def feature_loss(self, seen: StudentPass) -> Tensor:
        """See the class."""
        vectors = self.projections[0](seen.regions).float()
        return relative_feature_loss(vectors, seen.batch["features"], seen.batch["confidence"])

    def feature_weight(self, batch: Batch) -> Tensor:
        """The square sum of the teacher's features, weighted by confidence."""
        return (batch["confidence"] * batch["features"].square().sum(dim=1)).sum()


Recipe = type[ReleaseFeatures] | type[PaperFeatures] | type[RegionFeatures]
RECIPES: dict[str, Recipe] = {"release": ReleaseFeatures, "paper": PaperFeatures, "regions": RegionFeatures}


def feature_objective(
    student: Student, params: DistillFeaturesParams, teacher_width: int
) -> FeatureObjective:
    """The recipe that ``params`` name.

    Args:
        student: learns.
        params: section ``distill_features``.
        teacher_width: D, of the teacher's features.
    """
    return RECIPES[params.recipe](student, params, teacher_width)


def _projection(width: int, teacher_width: int) -> nn.Module:
    return nn.Identity() if width == teacher_width else nn.Linear(width, teacher_width)


def features_course(
    params: StudentParams,
    features: DistillFeaturesParams,
    images: Images,
    teacher: KeptTeacher,
    asked: Asked = as_it_is,
) -> Course:
    """Stage 1: a new student learns the teacher's features of regions.

    Args:
        params: section ``student``.
        features: section ``distill_features``.
        images: to learn from.
        teacher: knows these images.
        asked: of one that runs along, shows it each batch.
    """
    accelerator = start(features.training)
    seed_all(params.seed)
    network = Student(params, len(images.classes))
    objective = feature_objective(network, features, teacher.feature_dim)
    taught = asked(CachedFeatures(images.train, teacher, features, keep=asked is as_it_is))
    task = Task(objective, Pictures(images.train, images.root, [params.input_size]), taught)
    # Labels alone can be watched on images of which the teacher was not asked.
    loss = features.training.label_loss
    watched = labels_of(images.val, network, images, loss) if features.label_weight else None
    return Course(accelerator, network, params, [Phase(task, features.training)], watched)

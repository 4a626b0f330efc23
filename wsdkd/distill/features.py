"""Stage 1: object-level feature losses of the student (release; Eq. 3 and Eq. 4, unverified).

Labels of regions, as the teacher sees them, for the student (recipe ``regions``, our own).

What stage 1 needs of the teacher, from its cache. No teacher runs here.

Stage 1: the student learns the teacher's object-level features at regions of interest.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from wsdkd.cache.reader import TeacherViews
from wsdkd.data.tables import ImageRow
from wsdkd.distill.params import DistillFeaturesParams
from wsdkd.distill.predictions import CachedPredictions, prediction_loss
from wsdkd.networks.roi_pooling import pool_regions
from wsdkd.student.learning import label_loss
from wsdkd.student.network import Student
from wsdkd.training.learner import Objective
from wsdkd.training.loader import Batch, Labels, Supervision
from wsdkd.training.regions import stack_rois, to_input
from wsdkd.training.views import View


def feature_loss(
    student: torch.Tensor, teacher: torch.Tensor, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """L_f = sum_r w_r || f^S_r - f^T_r ||^2 / (2 sum_r w_r), over the regions of a batch.

    With equal weights it is the Euclidean loss of the release, 1 / (2N) sum_r || ... ||^2.

    Args:
        student: f^S, (R, D).
        teacher: f^T, (R, D).
        weights: w_r, (R,), the teacher's confidence in each region (Eq. 4, unverified); equal by
            default.
    """
    distance = (student - teacher).square().sum(dim=1)
    if weights is None:
        return distance.mean() / 2
    return (weights * distance).sum() / (2 * weights.sum().clamp_min(1e-6))


def relative_feature_loss(
    student: torch.Tensor, teacher: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """:func:`feature_loss` as a share of the teacher's features' own weighted square sum.

    It is 1 where the student says zero, whatever the width and the scale of the features.
    """
    scale = (weights * teacher.square().sum(dim=1)).sum() / (2 * weights.sum().clamp_min(1e-6))
    return feature_loss(student, teacher, weights) / scale.clamp_min(1e-6)


def region_targets(
    class_logits: np.ndarray, detection_logits: np.ndarray, labels: tuple[int, ...]
) -> np.ndarray:
    """How far each region holds an object of each class: float32 (n, K) in [0, 1].

    S_rk as a share of its class's best region, and 0 for classes that the image is known not to
    hold: the teacher says where, the label says whether.

    Args:
        class_logits: M^c, (n, K), of any precision; computed with in single.
        detection_logits: M^d, (n, K), likewise.
        labels: classes present in the image.
    """
    class_logits, detection_logits = class_logits.astype(np.float32), detection_logits.astype(np.float32)
    over_classes = np.exp(class_logits - class_logits.max(axis=1, keepdims=True))
    over_classes /= over_classes.sum(axis=1, keepdims=True)
    scores = over_classes * np.exp(detection_logits - detection_logits.max(axis=0))
    relative = scores / scores.max(axis=0).clip(1e-12)
    targets = np.zeros(relative.shape, np.float32)
    present = list(labels)
    targets[:, present] = relative[:, present]
    return targets


def region_loss(logits: torch.Tensor, targets: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Sigmoid cross-entropy of region logits, summed over classes and averaged over regions.

    Args:
        logits: of the student's classifier on the features of regions, (R, K).
        targets: from :func:`region_targets`, (R, K).
        known: bool (R, K), False where a class is ignored in the region's image.
    """
    loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return (loss * known).sum() / len(logits)


class CachedFeatures:
    """For stage 1.

    Adds to :class:`Labels`: ``rois`` (R, 5) in pixels of the student's input, ``objectness`` (R,),
    ``confidence`` (R,), ``features`` (R, D) and ``region_targets`` (R, K), for the chosen RoIs; and
    :class:`CachedPredictions` where the parameters have ``predictions``.
    """

    def __init__(self, rows: Sequence[ImageRow], cache: TeacherViews, params: DistillFeaturesParams):
        self.rows, self.cache, self.best = rows, cache, params.rois
        self.rest: Supervision = (
            Labels(rows, len(cache.classes))
            if params.predictions is None
            else CachedPredictions(rows, cache, params.predictions)
        )

    def __call__(self, views: Sequence[View]) -> Batch:
        """See the class."""
        boxes, parts = [], []
        for view in views:
            row = self.rows[view.row]
            seen = self.cache.view(row.image_id, view.mirrored)
            chosen = seen.chosen[: self.best]
            targets = region_targets(seen.class_logits, seen.detection_logits, row.labels)
            boxes.append(to_input(seen.boxes[chosen], row, view))
            parts.append(
                {
                    "objectness": seen.objectness[chosen],
                    "confidence": seen.confidence[: self.best],
                    "features": seen.features[: self.best],
                    "region_targets": targets[chosen],
                }
            )
        joined = {
            name: torch.from_numpy(np.concatenate([part[name] for part in parts])).float()
            for name in parts[0]
        }
        return {**self.rest(views), "rois": stack_rois(boxes), **joined}


VGG_BINS = 7
PAPER_LAYERS = 3


def _projection(width: int, teacher_width: int, recipe: str) -> nn.Module:
    # Equal widths do not mean equal features: where the student's must also serve its classifier
    # (recipe regions), a learned map leaves them the freedom to differ from the teacher's.
    if width == teacher_width and recipe != "regions":
        return nn.Identity()
    return nn.Linear(width, teacher_width)


class FeatureObjective(Objective):
    """The student with the feature loss of a recipe, and region and label losses beside it.

    ``release``: RoI max-pooling times objectness, the student's own fc6 and fc7, Euclidean loss at
    all RoIs of the cache alike. ``paper`` (unverified): features of the last three stages, each
    globally pooled over the RoI, weighted by the teacher's confidence (Eq. 3 and Eq. 4).
    ``regions`` (our own): the last feature map pooled over the RoI, relative error weighted by
    confidence.

    Projections, between unequal widths and always in ``regions``, are learned along and thrown away.
    """

    def __init__(self, student: Student, params: DistillFeaturesParams, teacher_width: int):
        super().__init__()
        self.student, self.params = student, params
        self.backbone = student.backbone
        layered = params.recipe == "paper"
        widths = self.backbone.widths()[-PAPER_LAYERS:] if layered else [student.feature_dim]
        self.projections = nn.ModuleList(_projection(width, teacher_width, params.recipe) for width in widths)

    def new_layers(self) -> list[nn.Module]:
        """The student's, and the projections."""
        return [*self.student.new_layers(), self.projections]

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The loss ``features``, and ``regions``, ``labels`` and ``predictions`` where they have a weight."""
        params, layered = self.params, self.params.recipe == "paper"
        maps = self.backbone.maps(batch["stem"])
        losses = {"features": params.feature_weight * self._layered_loss(maps, batch)} if layered else {}
        regions = not layered or bool(params.region_weight)
        images = bool(params.label_weight) or params.predictions is not None
        if regions or images:
            # Once for all losses: fc6 and fc7 in each cell cost as much as a stage of a small backbone.
            embedded = self.student.embed(maps[-1])
            if regions:
                losses |= self._region_losses(self._region_vectors(embedded, batch), batch)
            if images:
                losses |= self._image_losses(embedded, batch)
        return losses

    def weights(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Of ``features``, by recipe, and of ``regions``: they average over regions, not over images."""
        confidence, teacher = batch["confidence"], batch["features"]
        regions = confidence.new_tensor(len(confidence))
        features = {
            "release": regions,
            "paper": confidence.sum(),
            "regions": (confidence * teacher.square().sum(dim=1)).sum(),
        }[self.params.recipe]
        return {"features": features, "regions": regions}

    def _layered_loss(self, maps: list[torch.Tensor], batch: Batch) -> torch.Tensor:
        losses = []
        for feature_map, projection in zip(maps[-PAPER_LAYERS:], self.projections, strict=True):
            pooled = self._pool(feature_map, batch["rois"], 1, "align").flatten(1)
            losses.append(feature_loss(projection(pooled).float(), batch["features"], batch["confidence"]))
        return torch.stack(losses).mean()

    def _region_losses(self, vectors: torch.Tensor, batch: Batch) -> dict[str, torch.Tensor]:
        params, teacher = self.params, batch["features"]
        losses = {}
        if params.recipe != "paper":
            projected = self.projections[0](vectors).float()
            if params.recipe == "release":
                loss = feature_loss(projected, teacher)
            else:
                loss = relative_feature_loss(projected, teacher, batch["confidence"])
            losses["features"] = params.feature_weight * loss
        if params.region_weight:
            logits = self.student.classifier(vectors).float()
            known = batch["known"][batch["rois"][:, 0].long()]
            losses["regions"] = params.region_weight * region_loss(logits, batch["region_targets"], known)
        return losses

    def _image_losses(self, embedded: torch.Tensor, batch: Batch) -> dict[str, torch.Tensor]:
        weight, soft = self.params.label_weight, self.params.predictions
        logits, known = self.student.classify_embedded(embedded), batch["known"]
        losses = {"labels": weight * label_loss(logits, batch["labels"], known)} if weight else {}
        if soft is not None:
            loss = prediction_loss(logits, batch["teacher_scores"], known, soft.temperature)
            losses["predictions"] = soft.teacher_weight * loss
        return losses

    def _region_vectors(self, embedded: torch.Tensor, batch: Batch) -> torch.Tensor:
        # (R, feature_dim), by the very layers that the student then applies to the whole image.
        has_layers = self.student.fully_connected is not None
        if self.params.recipe == "release":
            pooled = self._pool(embedded, batch["rois"], VGG_BINS if has_layers else 1, "max")
            pooled = pooled * batch["objectness"][:, None, None, None]
        else:
            pooled = self._pool(embedded, batch["rois"], VGG_BINS if has_layers else 1, "align")
        return self.student.vector(pooled)

    def _pool(self, feature_map: torch.Tensor, rois: torch.Tensor, bins: int, pooling: str) -> torch.Tensor:
        scale = feature_map.shape[-1] / self.student.params.input_size
        return pool_regions(feature_map, rois, bins, scale, pooling)

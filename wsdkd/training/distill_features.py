"""Stage 1: the student learns the teacher's object-level features at regions of interest."""

import torch
from torch import nn

from wsdkd.losses.features import feature_loss, relative_feature_loss
from wsdkd.losses.predictions import label_loss, prediction_loss
from wsdkd.losses.regions import region_loss
from wsdkd.models.roi import pool_regions
from wsdkd.models.student import Student
from wsdkd.params.student import DistillFeaturesParams
from wsdkd.training.loader import Batch
from wsdkd.training.loop import Objective

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

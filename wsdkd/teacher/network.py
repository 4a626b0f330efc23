"""The teacher, T-WDet: WSDDN, a detector that is trained from image-level labels alone (release)."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from wsdkd.ground.errors import UserError
from wsdkd.networks.backbones import cell_layers
from wsdkd.networks.checkpoints import restore
from wsdkd.networks.description import read_description
from wsdkd.networks.families import build_backbone
from wsdkd.networks.precision import in_single
from wsdkd.networks.roi_pooling import pool_regions
from wsdkd.teacher.params import RoiPooling, TeacherParams


class RoiFeatures(nn.Module):
    """RoI pooling with the objectness multiplier (release: ``roi_pooling`` then ``scale``)."""

    def __init__(self, params: RoiPooling, scale: float):
        super().__init__()
        self.params, self.scale = params, scale

    def forward(
        self, feature_map: torch.Tensor, rois: torch.Tensor, objectness: torch.Tensor
    ) -> torch.Tensor:
        """Features of regions.

        Args:
            feature_map: (B, C, h, w).
            rois: (R, 5), place in the batch and box in pixels of the network input.
            objectness: (R,), score of each proposal.

        Returns:
            float32 (R, C, bins, bins), multiplied by scale * objectness + bias where the parameters
            ask for it.
        """
        params = self.params
        pooled = pool_regions(feature_map, rois, params.bins, self.scale, params.pooling)
        if not params.objectness:
            return pooled
        weight = params.objectness_scale * objectness.float() + params.objectness_bias
        return pooled * weight[:, None, None, None]


class RegionOutputs(NamedTuple):
    """What the teacher says of R regions, in float32."""

    class_logits: torch.Tensor
    """M^c, (R, K)."""
    detection_logits: torch.Tensor
    """M^d, (R, K)."""
    features: torch.Tensor
    """Output of fc7 after its ReLU, (R, D): the object-level features that are distilled."""
    refinement_logits: torch.Tensor
    """Of the N branches of refinement, (R, N, K + 1), background last; N is 0 without any."""


class Wsddn(nn.Module):
    """Weakly-supervised deep detection network (Bilen and Vedaldi, CVPR 2016; details: release).

    Backbone, RoI features multiplied by objectness, fc6 and fc7 with ReLU and dropout, then two
    linear heads side by side: classification M^c and detection M^d.

    With ``hidden_in: cells`` (our own) fc6 and fc7 stand in each cell of the feature map, as they do
    in the student, and a region takes the largest of each feature within it: what fills a small part
    of a region is seen before it is mixed with the rest.

    With ``refinements`` as many further linear heads classify each region as a class or as background
    (OICR; :mod:`wsdkd.teacher.learning`). They sharpen fc6 and fc7 in training, and rank detections.
    """

    def __init__(self, params: TeacherParams, num_classes: int):
        super().__init__()
        self.backbone = build_backbone(params.network)
        self.roi = RoiFeatures(params.roi, 1 / self.backbone.stride)
        self.embedding: nn.Module = nn.Identity()
        own, self.backbone.fully_connected = self.backbone.fully_connected, None
        self.pretrained_layers = own is not None
        hidden = params.hidden
        self.fully_connected: nn.Module
        if own is not None:
            _check_fits(params, own.bins)
            self.fully_connected, hidden = own, own.width
            for layer in self.fully_connected.modules():
                if isinstance(layer, nn.Dropout):
                    layer.p = params.dropout
        elif params.hidden_in == "cells":
            # The second dropout comes after pooling: a region's maximum hides what one cell has lost.
            self.embedding = cell_layers(self.backbone.channels, hidden, nn.Dropout(params.dropout))
            self.fully_connected = nn.Sequential(
                nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Dropout(params.dropout)
            )
        else:
            self.fully_connected = _layers_of_regions(
                self.backbone.channels * params.roi.bins**2, hidden, params.dropout
            )
        self.feature_dim = hidden
        self.classification = nn.Linear(hidden, num_classes)
        self.detection = nn.Linear(hidden, num_classes)
        branches = [nn.Linear(hidden, num_classes + 1) for _ in range(params.refinements)]
        self.refinements = nn.ModuleList(branches)
        for head in (self.classification, self.detection, *branches):
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)

    def new_layers(self) -> list[nn.Module]:
        """The layers that no pretraining has seen; they learn faster."""
        heads: list[nn.Module] = [self.classification, self.detection, *self.refinements]
        return heads if self.pretrained_layers else [self.embedding, self.fully_connected, *heads]

    def forward(self, images: torch.Tensor, rois: torch.Tensor, objectness: torch.Tensor) -> RegionOutputs:
        """Score regions.

        Args:
            images: (B, 3, H, W), RGB, uint8 or float in 0..255.
            rois: (R, 5), image's place in the batch, then x1, y1, x2, y2 in pixels of ``images``.
            objectness: (R,), score of each proposal.
        """
        return self.regions(self.backbone.stem(images), rois, objectness)

    def regions(self, stem: torch.Tensor, rois: torch.Tensor, objectness: torch.Tensor) -> RegionOutputs:
        """As :meth:`forward`, from the output of the backbone's frozen stem."""
        pooled = self.roi(self.embedding(self.backbone.trunk(stem)), rois, objectness)
        features = self.fully_connected(pooled)
        refined = [in_single(branch, features) for branch in self.refinements]
        none = features.new_zeros(len(features), 0, self.classification.out_features + 1).float()
        return RegionOutputs(
            in_single(self.classification, features),
            in_single(self.detection, features),
            features.float(),
            torch.stack(refined, dim=1) if refined else none,
        )


def _check_fits(params: TeacherParams, bins: int) -> None:
    backbone = params.network.backbone
    if params.roi.bins != bins:
        raise UserError(f"roi.bins: fc6 of {backbone} takes {bins} bins, got {params.roi.bins}")
    if params.hidden_in != "regions":
        raise UserError(f"hidden_in: fc6 of {backbone} takes regions, got {params.hidden_in}")


def _layers_of_regions(width: int, hidden: int, dropout: float) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(width, hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(hidden, hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
    )


class LoadedTeacher(NamedTuple):
    """A trained teacher in evaluation mode, with the names of its classes in the order of its logits."""

    model: Wsddn
    params: TeacherParams
    classes: list[str]


def load_teacher(folder: Path) -> LoadedTeacher:
    """Read a teacher that :func:`wsdkd.networks.checkpoints.save_network` wrote.

    Raises:
        UserError: the folder holds no teacher, or a damaged one.
    """
    params, classes = read_description(folder, "teacher", TeacherParams, training={"epochs": 1})
    model = Wsddn(params, len(classes))
    restore(model, folder)
    return LoadedTeacher(model, params, classes)

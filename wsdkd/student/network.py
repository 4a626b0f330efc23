"""The student, S-Cls: a plain classifier (release). The baseline is the same network without a teacher."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from wsdkd.networks.backbones import cell_layers
from wsdkd.networks.checkpoints import restore
from wsdkd.networks.description import read_description
from wsdkd.networks.families import build_backbone
from wsdkd.networks.precision import in_single
from wsdkd.student.params import StudentParams
from wsdkd.student.validation import ValidationCounts, read_validation


class Student(nn.Module):
    """Backbone, one vector an image, one fully connected classifier.

    With VGG16 the vector comes from max-pooling to 7 x 7, fc6 and fc7 (release). With any other
    backbone it is the pooled feature map, after fc6 and fc7 in each cell (1 x 1 convolutions) where
    ``hidden`` asks for them: a region and the whole image then go through the same layers, as with
    VGG16.
    """

    def __init__(self, params: StudentParams, num_classes: int):
        super().__init__()
        self.params = params
        self.backbone = build_backbone(params.network)
        self.fully_connected = self.backbone.fully_connected
        self.backbone.fully_connected = None
        self.embedding = None
        own = self.fully_connected
        self.feature_dim = self.backbone.channels if own is None else own.width
        if params.hidden is not None and self.fully_connected is None:
            self.embedding = cell_layers(self.backbone.channels, params.hidden)
            self.feature_dim = params.hidden
        self.dropout = nn.Dropout(params.dropout)
        self.classifier = nn.Linear(self.feature_dim, num_classes)
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)

    def new_layers(self) -> list[nn.Module]:
        """The layers that no pretraining has seen; they learn faster."""
        return [self.classifier] if self.embedding is None else [self.embedding, self.classifier]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (B, 3, H, W), RGB, uint8 or float in 0..255 -> logits z (B, K)."""
        return self.classify(self.backbone(images))

    def classify(self, feature_map: torch.Tensor) -> torch.Tensor:
        """Feature map (B, C, h, w) -> logits z, float32 (B, K)."""
        return self.classify_embedded(self.embed(feature_map))

    def classify_embedded(self, embedded: torch.Tensor) -> torch.Tensor:
        """Output of :meth:`embed` -> logits z, float32 (B, K)."""
        return in_single(self.classifier, self.dropout(self.vector(embedded)))

    def embed(self, feature_map: torch.Tensor) -> torch.Tensor:
        """The backbone's feature map (B, C, h, w), after fc6 and fc7 in each cell where there are any."""
        if self.embedding is None:
            return feature_map
        embedded: torch.Tensor = self.embedding(feature_map)
        return embedded

    def cell_logits(self, embedded: torch.Tensor) -> torch.Tensor:
        """The classifier on each cell alone: output of :meth:`embed` -> float32 (B, K, h, w).

        Of networks without fully connected layers that want several cells at once.
        """
        weight = self.classifier.weight[:, :, None, None]
        return F.conv2d(embedded, weight, self.classifier.bias).float()

    def vector(self, feature_map: torch.Tensor) -> torch.Tensor:
        """Feature map (B, C, h, w), or features of regions (R, C, bins, bins) -> (B or R, feature_dim)."""
        if self.fully_connected is not None:
            pooled = F.adaptive_max_pool2d(feature_map, self.fully_connected.bins)
            vector: torch.Tensor = self.fully_connected(pooled)
        elif self.params.pooling == "max":
            vector = feature_map.amax(dim=(2, 3))
        else:
            vector = feature_map.mean(dim=(2, 3))
        return vector


class LoadedStudent(NamedTuple):
    """A student, or the baseline, in evaluation mode, with the names of its classes."""

    model: Student
    params: StudentParams
    classes: list[str]
    validation: ValidationCounts | None = None
    """What its validation images said; None where it was saved without any."""


def load_student(folder: Path) -> LoadedStudent:
    """Read a student or a baseline that :func:`wsdkd.networks.checkpoints.save_network` wrote.

    Raises:
        UserError: the folder holds no student, or a damaged one.
    """
    params, classes = read_description(folder, "student", StudentParams)
    model = Student(params, len(classes))
    restore(model, folder)
    return LoadedStudent(model, params, classes, read_validation(folder, classes))

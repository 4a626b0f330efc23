"""Section ``teacher``: WSDDN, its images, its RoIs and its training."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from wsdkd.networks.params import Network
from wsdkd.settings.numbers import Count, Fraction, NonNegative, Positive, Side, Width
from wsdkd.settings.sections import Section
from wsdkd.training.params import Optimisation


class RoiPooling(Section):
    """How features of a region are gathered."""

    pooling: Literal["max", "align"] = "max"
    """RoI max-pooling as released, or RoIAlign."""
    bins: Annotated[int, Field(ge=1, le=14)] = 7
    """Bins along each side."""
    objectness: bool = True
    """Multiply the features by the objectness score (release: scale 1, bias 0)."""
    objectness_scale: Positive = 1.0
    objectness_bias: float = 0.0


class TeacherParams(Section):
    """The teacher (method: T-WDet)."""

    network: Network
    input_size: Side
    """Side of the square input when caching and testing, in pixels."""
    train_sizes: tuple[Side, ...]
    """Sides of which each training batch takes one at random."""
    test_sizes: tuple[Side, ...] | None = None
    """Sides whose image scores and detections are fused; without it, ``input_size`` alone."""
    test_mirrored: bool = False
    """Fuse the mirrored image too."""
    proposals: Count = 500
    """The best this many proposals of an image."""
    roi: RoiPooling = RoiPooling()
    hidden: Width = 4096
    """Width of fc6 and fc7, where the backbone brings none of its own."""
    hidden_in: Literal["regions", "cells"] = "regions"
    """Whether these come after the pooling of regions or before it, in each cell of the feature map."""
    dropout: Fraction = 0.5
    refinements: Annotated[int, Field(ge=0, le=8)] = 0
    """Branches of online instance classifier refinement (OICR: 3) that learn along; they rank detections."""
    refinement_ranking: Literal["scores", "support"] = "scores"
    """What the regions are ranked by that teach a branch: scores, as OICR has it; or ``support`` (our own;
    :func:`wsdkd.support.support`), where object and background count alike, too."""
    region_weight: NonNegative = 0.0
    """Weight of a classifier on every single region, which is to hold all labels of its image (our own). It
    is learned along and thrown away: regions on their own are many more pictures to learn features from."""
    training: Optimisation

    @model_validator(mode="after")
    def _has_sizes(self) -> "TeacherParams":
        if not self.train_sizes:
            raise ValueError("train_sizes needs at least one size")
        return self

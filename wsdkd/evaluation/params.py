"""Section ``evaluation``: thresholds of the reported metrics, and what the evaluated networks are called."""

from typing import Literal

from pydantic import Field, model_validator

from wsdkd.networks.params import InferencePrecision
from wsdkd.settings.numbers import Count, NonNegative, Positive, Share
from wsdkd.settings.sections import Section

NETWORKS = ("baseline", "teacher", "student")
"""In the order in which they are reported."""


class OperatingPointParams(Section):
    """How scores become probabilities, and above which probability a label of each class is given."""

    calibration: Literal["temperature", "isotonic", "none"] = "temperature"
    """One temperature for all classes, an isotonic curve a class, or the scores as they are."""
    aim: Literal["F1", "precision", "recall"] = "F1"
    """Thresholds that give the highest F1, or at least the ``wanted`` precision or recall."""
    wanted: Share | None = None
    """The precision or recall of each class that is aimed at."""
    prior: NonNegative = 40.0
    """So many positives of the average class count beside those of a class's own."""

    @model_validator(mode="after")
    def _wanted_where_aimed_at(self) -> "OperatingPointParams":
        if self.aim == "F1" and self.wanted is not None:
            raise ValueError(f"wanted: should be null where aim is F1, got {self.wanted:g}")
        if self.aim != "F1" and self.wanted is None:
            raise ValueError(f"wanted: should be a share, such as 0.8, where aim is {self.aim}, got nothing")
        return self


class EvaluationParams(Section):
    """How the test split is scored."""

    threshold: Share = 0.5
    """A label is predicted when its score is above this."""
    operating_point: OperatingPointParams | None = Field(default_factory=OperatingPointParams)
    """Thresholds of classes, chosen on the validation split, and calibrated probabilities; null: neither."""
    top_k: Count = 3
    top_k_rule: Literal["always", "above_threshold"] = "always"
    """Whether a top-k label counts whatever its score (the field) or must pass the threshold too (ML-GCN)."""
    unlabelled: Literal["keep", "drop"] = "keep"
    """Test images without any label: keep or drop them."""
    nms_iou: Share = 0.3
    """Of two detections of a class that overlap more than this, the better stays."""
    detections: Count = 100
    """At most this many detections an image."""
    precision: InferencePrecision = "auto"
    """In which the three networks compute; their scores are in fp32."""
    cost_seconds: Positive = 5.0
    """How long the speed of each network is measured."""

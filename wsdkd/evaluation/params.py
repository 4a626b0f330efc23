"""Section ``evaluation``: thresholds of the reported metrics, and what the evaluated networks are called."""

from typing import Literal

from wsdkd.settings.numbers import Count, Positive, Share
from wsdkd.settings.sections import Section

NETWORKS = ("baseline", "teacher", "student")
"""In the order in which they are reported."""


class EvaluationParams(Section):
    """How the test split is scored."""

    threshold: Share = 0.5
    """A label is predicted when its score is above this."""
    top_k: Count = 3
    top_k_rule: Literal["always", "above_threshold"] = "always"
    """Whether a top-k label counts whatever its score (the field) or must pass the threshold too (ML-GCN)."""
    unlabelled: Literal["keep", "drop"] = "keep"
    """Test images without any label: keep or drop them."""
    nms_iou: Share = 0.3
    """Of two detections of a class that overlap more than this, the better stays."""
    detections: Count = 100
    """At most this many detections an image."""
    cost_seconds: Positive = 5.0
    """How long the speed of each network is measured."""

"""Sections of the two stages of distillation: ``distill_features`` and ``distill_predictions``."""

from typing import Literal

from pydantic import model_validator

from wsdkd.settings.numbers import Count, NonNegative, Positive, Share
from wsdkd.settings.sections import Section
from wsdkd.training.params import Optimisation


class SoftenedPredictions(Section):
    """The loss L_p' against the teacher's softened image scores (Eq. 10).

    With all three temperatures at 1 its gradient is that of multi-label logits distillation (Yang et
    al., "Multi-Label Knowledge Distillation", ICCV 2023), whose divergence between Bernoulli
    distributions differs from this cross-entropy by the teacher's own entropy.
    """

    temperature: Positive = 5.0
    """t of Eq. 10: divides the student's logits."""
    class_temperature: Positive = 0.5
    """t^c: divides the teacher's M^c."""
    detection_temperature: Positive = 0.5
    """t^d: divides the teacher's M^d."""
    teacher_weight: NonNegative = 1.0
    """Weight of L_p' (Eq. 10)."""


class DistillFeaturesParams(Section):
    """Stage 1, object-level features."""

    recipe: Literal["release", "paper", "regions"] = "regions"
    """See docs/method.md."""
    rois: Count | None = None
    """At most this many of the cached RoIs an image, the most confident first."""
    feature_weight: NonNegative = 1.0
    """Weight of L_f in the recipe's form."""
    region_weight: NonNegative = 0.0
    """Weight of the classifier's loss on RoIs; neither release nor paper has it."""
    label_weight: NonNegative = 0.0
    """Weight of L_p (Eq. 5) already in this stage; neither release nor paper has it."""
    predictions: SoftenedPredictions | None = None
    """Stage 2's loss L_p' already in this stage; null: not. Neither release nor paper has it."""
    labels_in_view: Share | None = None
    """Of a crop: labels do not count whose best chosen region in view holds them less than this share as well
    as the best of all (:mod:`wsdkd.distill.in_view`); null: they count in every crop."""
    training: Optimisation

    @model_validator(mode="after")
    def _can_choose(self) -> "DistillFeaturesParams":
        if self.training.keep == "best" and not self.label_weight:
            raise ValueError("training.keep: best is told by labels, so that label_weight must be above 0")
        return self


class DistillPredictionsParams(SoftenedPredictions):
    """Stage 2, image-level predictions."""

    label_weight: NonNegative = 1.0
    """Weight of L_p (Eq. 5)."""
    labels_in_view: Share | None = None
    """Of a crop: labels do not count whose best chosen region in view holds them less than this share as well
    as the best of all (:mod:`wsdkd.distill.in_view`); null: they count in every crop."""
    training: Optimisation

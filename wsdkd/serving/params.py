"""Section ``promotion``: when a student takes the place of the promoted one."""

from typing import Annotated, Literal

from pydantic import Field

from wsdkd.settings.numbers import NonNegative
from wsdkd.settings.sections import Section


class PromotionParams(Section):
    """What a student must do better than the promoted one, on the validation split."""

    metric: Literal["mAP", "CF1", "OF1", "chosen_CF1", "chosen_OF1"] = "mAP"
    """CF1 and OF1 are above ``evaluation.threshold``; with ``chosen_`` at each student's operating point."""
    margin: NonNegative = 0.0
    """In percentage points; the lower end of the interval of the difference must exceed it."""
    confidence: Annotated[float, Field(ge=0.5, le=0.999)] = 0.95
    """Probability inside the bootstrap interval over validation images."""
    classes: tuple[str, ...] = ()
    """Names of the classes that matter."""
    max_class_loss: NonNegative = 5.0
    """Points of AP that none of these may lose."""

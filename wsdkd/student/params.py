"""Sections ``student``, the plain classifier that is distilled, and ``baseline``: it without a teacher."""

from typing import Literal

from wsdkd.networks.params import Network
from wsdkd.settings.numbers import Count, CountOrNone, Fraction, NonNegative, Seed, Side, Width
from wsdkd.settings.sections import Section


class StudentParams(Section):
    """The student (method: S-Cls); the baseline is the same network without a teacher."""

    network: Network
    input_size: Side
    """Side of the square input, in pixels."""
    hidden: Width | None = None
    """Width of fc6 and fc7 in each cell of the feature map, for backbones that bring none; null: none."""
    pooling: Literal["mean", "max"] = "mean"
    """How the feature map becomes one vector, where the backbone has no fc6 and fc7."""
    dropout: Fraction = 0.0
    seed: Seed = 0
    """Of the new layers' initial weights, which baseline and student share."""


class BaselineParams(Section):
    """What else than pictures the baseline learns from; nothing of it comes from a teacher."""

    regions: Literal["all"] | CountOrNone = 0
    """So many of an image's proposals, drawn anew in each step, are each to hold all its labels; 0: none."""
    proposals: Count = 80
    """The best this many proposals of an image are drawn from."""
    region_weight: NonNegative = 4.0
    """Weight of the loss on these regions."""
    throughout: bool = False
    """In the second schedule, too, which otherwise has the labels of images alone."""

    def described(self) -> str:
        """What the baseline learns from, in words."""
        if not self.regions:
            return "labels alone"
        count = "all" if self.regions == "all" else f"{self.regions} random"
        when = "both schedules" if self.throughout else "the first schedule"
        return f"labels, and {count} regions of each image in {when}; no teacher"

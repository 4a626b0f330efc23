"""Section ``student``: the plain classifier that is distilled, and the baseline."""

from typing import Literal

from wsdkd.networks.params import Network
from wsdkd.settings.numbers import Fraction, Seed, Side, Width
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

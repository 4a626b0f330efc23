"""Section ``student``: the plain classifier that is distilled, and the baseline."""

from typing import Annotated, Literal

from pydantic import Field

from wsdkd.networks.params import Network
from wsdkd.settings.sections import Section


class StudentParams(Section):
    """The student (method: S-Cls); the baseline is the same network without a teacher."""

    network: Network
    input_size: Annotated[int, Field(ge=32)]
    """Side of the square input, in pixels."""
    hidden: Annotated[int, Field(ge=1)] | None = None
    """Width of fc6 and fc7 in each cell of the feature map, for backbones that bring none; null: none."""
    pooling: Literal["mean", "max"] = "mean"
    """How the feature map becomes one vector, where the backbone has no fc6 and fc7."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the new layers' initial weights, which baseline and student share."""

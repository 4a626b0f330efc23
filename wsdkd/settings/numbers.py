"""Number types of the sections. A refusal says the range in words; no room makes such a type of its own.

A range that one key alone has stands beside that key.
"""

from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(ge=1)]
CountOrNone = Annotated[int, Field(ge=0)]
"""How many, where it may be none at all."""
Seed = Annotated[int, Field(ge=0)]
"""Of a random stream."""
Side = Annotated[int, Field(ge=32, le=4096)]
"""Of a square picture that a network sees, in pixels; a model of a stranger's cannot ask for all memory."""
Resolution = Annotated[int, Field(ge=32, le=2048)]
"""Longer side of a picture that is drawn, or searched for boxes, in pixels."""
Width = Annotated[int, Field(ge=1, le=16_384)]
"""Of a fully connected layer."""

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]

Fraction = Annotated[float, Field(ge=0, lt=1)]
"""A part of a whole: perhaps nothing, never all."""
Share = Annotated[float, Field(gt=0, lt=1)]
"""A part of a whole: neither nothing nor all."""
Overlap = Annotated[float, Field(gt=0, le=1)]
"""Intersection over union above which one of two boxes goes; 1 lets both stay."""

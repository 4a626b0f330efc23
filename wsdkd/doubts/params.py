"""Section ``doubts``: how labels of the training split are doubted."""

from typing import Annotated

from pydantic import Field

from wsdkd.settings.sections import Section

Folds = Annotated[int, Field(ge=2, le=20)]


class DoubtsParams(Section):
    """Who scores training images without having learned from them."""

    folds: Annotated[tuple[Folds, ...], Field(max_length=1)] = ()
    """``[3]``: three parts, and a student for each that learns from the two others; dvc.yaml makes the stage
    ``score_folds`` of it. Empty: none, and no doubts about training images."""

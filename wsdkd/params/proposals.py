"""Section ``proposals``: where the candidate boxes come from."""

from typing import Annotated, Literal

from pydantic import Field

from wsdkd.params.base import Section


class _Common(Section):
    max_boxes: Annotated[int, Field(ge=1)] = 500
    """The best this many boxes of an image are kept."""
    min_side: Annotated[float, Field(ge=0)] = 4.0
    """A box with a shorter side is dropped, in pixels of the original image."""


class EdgeBoxesProposals(_Common):
    """EdgeBoxes (Zitnick and Dollar, ECCV 2014)."""

    method: Literal["edge_boxes"]
    max_side: Annotated[int, Field(ge=32)] = 512
    """Images are shrunk to this longer side, in pixels, before edges are found."""
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.65
    beta: Annotated[float, Field(gt=0, lt=1)] = 0.75
    structured_edge_model: str | None = None
    """File of OpenCV's structured edge model; without it gradient edges are used."""


class SelectiveSearchProposals(_Common):
    """Selective search (Uijlings et al., IJCV 2013)."""

    method: Literal["selective_search"]
    mode: Literal["fast", "quality"] = "fast"
    max_side: Annotated[int, Field(ge=32)] = 512


class FileProposals(_Common):
    """Boxes and scores computed elsewhere."""

    method: Literal["file"]
    path: Annotated[str, Field(min_length=1)]
    """A ``.parquet``, ``.npz`` or ``.mat`` file."""


ProposalsParams = Annotated[
    EdgeBoxesProposals | SelectiveSearchProposals | FileProposals, Field(discriminator="method")
]

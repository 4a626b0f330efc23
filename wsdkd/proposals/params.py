"""Section ``proposals``: where the candidate boxes come from.

The defaults are those that ``benchmarks/proposals.py`` found to be best on drawn scenes of 192 px.
"""

from typing import Annotated, Literal

from pydantic import Field

from wsdkd.settings.numbers import Count, Fraction, NonNegative, Overlap, Positive, Resolution, Share
from wsdkd.settings.sections import Section


class _Common(Section):
    max_boxes: Count = 500
    """The best this many boxes of an image are kept."""
    min_side: NonNegative = 4.0
    """A box with a shorter side is dropped, in pixels of the original image."""
    scores: Literal["relative", "raw"] = "relative"
    """Divide an image's scores by their highest, so that they lie in (0, 1]; or leave them as they come."""


class EdgeBoxesProposals(_Common):
    """EdgeBoxes (Zitnick and Dollar, ECCV 2014)."""

    method: Literal["edge_boxes"]
    side: Resolution = 288
    """Images are resized to this longer side, in pixels, before edges are found; at most to double size."""
    blur: NonNegative = 1.75
    """Standard deviation of the Gaussian before the gradient, in pixels of the resized image."""
    alpha: Share = 0.55
    """Overlap of neighbouring windows of the search: higher is finer and slower."""
    beta: Share = 0.55
    """Of two boxes that overlap more than this, the better stays."""
    kappa: Positive = 1.6
    """Exponent of a box's perimeter in its score: higher favours small boxes."""
    gamma: Positive = 3.0
    """How sharply a contour breaks where it bends."""
    min_edge: Fraction = 0.15
    """Weaker edges are passed over, as a share of the image's strongest one."""
    min_area: Positive = 300.0
    """Area of the smallest window of the search, in square pixels of the resized image."""
    inset: NonNegative = 2.0
    """How far the object lies within its window, in pixels of the resized image: edges have a width."""
    max_aspect: Annotated[float, Field(ge=1)] = 3.0
    """Longer to shorter side of the most oblong window."""
    structured_edge_model: str | None = None
    """File of OpenCV's structured edge model; without it gradient edges are used."""


class SelectiveSearchProposals(_Common):
    """Selective search (Uijlings et al., IJCV 2013)."""

    method: Literal["selective_search"]
    side: Resolution = 192
    """Images are resized to this longer side, in pixels, before regions are found; at most to double size."""
    colours: Annotated[tuple[Literal["rgb", "lab", "hsv"], ...], Field(min_length=1)] = ("lab",)
    """Colour spaces in which images are segmented; each adds proposals and time."""
    scales: Annotated[tuple[Positive, ...], Field(min_length=1)] = (50.0,)
    """Scales k of the first segmentation (Felzenszwalb and Huttenlocher); each adds proposals and time."""
    min_region: Count = 30
    """Smaller first regions are merged, in pixels of the resized image."""
    overlap: Overlap = 0.8
    """Of two boxes that overlap more than this, the better stays."""


class FileProposals(_Common):
    """Boxes and scores computed elsewhere."""

    method: Literal["file"]
    path: Annotated[str, Field(min_length=1)]
    """A ``.parquet``, ``.npz`` or ``.mat`` file; see docs or :mod:`wsdkd.proposals.from_file`."""
    order: Literal["xyxy", "yxyx", "xywh"] = "xyxy"
    """What the four numbers of a box are; MATLAB code often writes yxyx."""
    coordinates: Literal["edges", "pixels_from_0", "pixels_from_1"] = "edges"
    """Edges of the box, or its first and last pixel counted from 0 or 1 (MATLAB, Pascal VOC)."""


ProposalsParams = Annotated[
    EdgeBoxesProposals | SelectiveSearchProposals | FileProposals, Field(discriminator="method")
]

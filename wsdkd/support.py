"""Which region holds an object whole: the project's own ranking of the teacher's regions.

WSDDN's own scores find what tells a class from the others. That is most often a part of the object (a head, a
card's corner), or a frame that happens to hold it: nothing in the image's labels asks for more. Two things
that are at hand tell objects from parts. Proposals crowd on an object and its parts, so that a region around
all of it contains many others of the same class. And the search for proposals scores closed contours, which
parts lack (objectness). Divided by the root of its area, a region gains nothing by growing beyond the object.
"""

from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32, Real
from scipy.special import softmax

from wsdkd.data.boxes import area, pairwise_intersection
from wsdkd.scores import image_scores, region_scores, relative_scores, share_of_best

Ranking = Literal["scores", "support"]
"""What regions are ranked by: S of WSDDN, or :func:`support`."""

CONTAINED = 0.9
"""A region is within another that covers more than this share of it."""


def support(
    boxes: Real[np.ndarray, "regions 4"],
    objectness: Float[np.ndarray, " regions"],
    class_logits: Float[np.ndarray, "regions classes"],
) -> Float32[np.ndarray, "regions classes"]:
    """E of one image's n regions: E_rk = o_r / sqrt(a_r) * sum of softmax_K(M^c)_qk over the q within r.

    Within r are all regions of which r covers more than :data:`CONTAINED`, r itself among them; a_r is its
    area.
    The regions' competition, M^d, plays no part: it is what prefers the one most telling part.

    Args:
        boxes: (n, 4), x1, y1, x2, y2 in pixels of any frame of the image.
        objectness: o, (n,), the proposals' scores; of each sign, where they were ranked so.
        class_logits: M^c, (n, K), of any precision; computed with in single.

    Returns:
        float32 (n, K), at least 0.
    """
    corners = boxes.astype(np.float32)
    size = area(corners).clip(1)
    within = pairwise_intersection(corners, corners) > CONTAINED * size[None, :]
    np.fill_diagonal(within, True)
    collected = within.astype(np.float32) @ softmax(class_logits.astype(np.float32), axis=1)
    weight = objectness.astype(np.float32).clip(0) / np.sqrt(size)
    found: np.ndarray = collected * weight[:, None]
    return found


@runtime_checkable
class Regions(Protocol):
    """What the teacher says of one image's n regions: its outputs, or what a cache holds of them."""

    @property
    def boxes(self) -> np.ndarray:
        """(n, 4), x1, y1, x2, y2 in pixels of the original image."""

    @property
    def objectness(self) -> np.ndarray:
        """(n,)."""

    @property
    def class_logits(self) -> np.ndarray:
        """M^c, (n, K)."""

    @property
    def detection_logits(self) -> np.ndarray:
        """M^d, (n, K)."""


def region_shares(ranking: Ranking, regions: Regions) -> Float32[np.ndarray, "regions classes"]:
    """How well each region holds an object of each class, as a share of its class's best, (n, K)."""
    if ranking == "support":
        return share_of_best(support(regions.boxes, regions.objectness, regions.class_logits))
    return relative_scores(regions.class_logits, regions.detection_logits)


def detection_scores(ranking: Ranking, regions: Regions) -> Float32[np.ndarray, "regions classes"]:
    """What detections of all images are ranked by: S, or p_k times the share of :func:`region_shares`.

    Support counts regions, so it compares those of one image alone; the image score p_k carries it over to
    others.

    Returns:
        float32 (n, K), in [0, 1].
    """
    class_logits, detection_logits = regions.class_logits, regions.detection_logits
    if ranking == "support":
        shares = share_of_best(support(regions.boxes, regions.objectness, class_logits))
        return shares * image_scores(class_logits, detection_logits)
    return region_scores(class_logits, detection_logits)

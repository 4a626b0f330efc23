"""Which region holds an object whole: the project's own ranking of the teacher's regions.

WSDDN's own scores find what tells a class from the others. That is most often a part of the object (a head, a
card's corner), or a frame that happens to hold it: nothing in the image's labels asks for more. Two things
that are at hand tell objects from parts. Proposals crowd on an object and its parts, so that a region around
all of it contains many others of the same class. And the search for proposals scores closed contours, which
parts lack (objectness). Divided by the root of its area, a region gains nothing by growing beyond the object.
"""

from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32, Real
from scipy.special import softmax
from torch import Tensor

from wsdkd.scores import image_scores, region_scores, relative_scores, share_of_best

Ranking = Literal["scores", "support"]
"""What regions are ranked by: S of WSDDN, or :func:`support`."""

CONTAINED = 0.9
"""A region is within another that covers more than this share of it."""


def support(
    boxes: Real[np.ndarray, "regions 4"],
    objectness: Float[np.ndarray, " regions"],
    probabilities: Float[np.ndarray, "regions classes"],
) -> Float32[np.ndarray, "regions classes"]:
    """E of one image's n regions: E_rk = o_r / sqrt(a_r) * sum of P_qk over the regions q within r.

    Within r are all regions of which r covers more than :data:`CONTAINED`, r itself among them; a_r is its
    area. M^d, in which regions compete, plays no part: it is what prefers the one most telling part.

    Args:
        boxes: (n, 4), x1, y1, x2, y2 in pixels of any frame of the image.
        objectness: o, (n,), the proposals' scores; of either sign, where they were ranked so.
        probabilities: P, (n, K), of each class in each region, of any precision; computed with in single.

    Returns:
        float32 (n, K), at least 0; 0 of an empty region.
    """
    found = image_support(
        *(torch.from_numpy(np.array(part, np.float32)) for part in (boxes, objectness, probabilities))
    )
    return found.numpy()


def image_support(
    boxes: Float32[Tensor, "regions 4"],
    objectness: Float32[Tensor, " regions"],
    probabilities: Float32[Tensor, "regions classes"],
) -> Float32[Tensor, "regions classes"]:
    """:func:`support` on tensors of one image."""
    low, high = boxes[:, :2], boxes[:, 2:]
    size = (high - low).clamp_min(0).prod(dim=1)
    shared = torch.minimum(high[:, None], high) - torch.maximum(low[:, None], low)
    within = shared.clamp_min(0).prod(dim=2) > CONTAINED * size
    within.fill_diagonal_(True)
    weight = torch.where(size > 0, objectness.clamp_min(0) / size.sqrt(), 0.0)
    return (within.float() @ probabilities) * weight[:, None]


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

    @property
    def refined(self) -> np.ndarray | None:
        """Probabilities of branches of refinement, (n, K); None without any."""


def region_shares(ranking: Ranking, regions: Regions) -> Float32[np.ndarray, "regions classes"]:
    """How well each region holds an object of each class, (n, K), in [0, 1].

    By ranking ``scores``, S as a share of its class's best region; by ``support``, E so. Of a teacher with
    branches of refinement it is their probability P times the root of that share: unlike softmax_K(M^c), P
    knows background, and a class that no region holds whole comes near 1 nowhere.
    """
    if ranking == "scores":
        return relative_scores(regions.class_logits, regions.detection_logits)
    refined = regions.refined
    over_classes = softmax(regions.class_logits.astype(np.float32), axis=1) if refined is None else refined
    shares = share_of_best(support(regions.boxes, regions.objectness, over_classes))
    return shares if refined is None else refined * np.sqrt(shares)


def detection_scores(ranking: Ranking, regions: Regions) -> Float32[np.ndarray, "regions classes"]:
    """What detections of all images are ranked by: p_k times the share of :func:`region_shares`, or S.

    Support counts regions, so it compares those of one image alone; the image score p_k carries it over to
    others.

    Returns:
        float32 (n, K), in [0, 1].
    """
    if ranking == "support":
        return region_shares(ranking, regions) * image_scores(regions.class_logits, regions.detection_logits)
    return region_scores(regions.class_logits, regions.detection_logits)

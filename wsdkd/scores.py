"""From the teacher's region logits to scores of regions and of images (WSDDN; release).

S_rk = softmax_K(M^c / t^c)_rk * softmax_R(M^d / t^d)_rk, the first over the classes of a region, the second
over the regions of an image; p_k = sum_r S_rk, which lies in (0, 1).

Each is there in two forms that agree but for rounding: on arrays of one image, as a cache holds them, and on
tensors of a batch, through which the teacher learns.
"""

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from scipy.special import softmax
from torch import Tensor

SMALLEST = 1e-12
"""A class whose best region scores less than this is held by none."""


def region_scores(
    class_logits: Float[np.ndarray, "regions classes"],
    detection_logits: Float[np.ndarray, "regions classes"],
    class_temperature: float = 1.0,
    detection_temperature: float = 1.0,
) -> Float32[np.ndarray, "regions classes"]:
    """S of one image's n regions.

    Args:
        class_logits: M^c, (n, K), of any precision; computed with in single.
        detection_logits: M^d, (n, K), likewise.
        class_temperature: t^c; 1 for the teacher itself.
        detection_temperature: t^d; 1 for the teacher itself.

    Returns:
        float32 (n, K).
    """
    over_classes = softmax(class_logits.astype(np.float32) / class_temperature, axis=1)
    over_regions = softmax(detection_logits.astype(np.float32) / detection_temperature, axis=0)
    scores: np.ndarray = over_classes * over_regions
    return scores


def image_scores(
    class_logits: Float[np.ndarray, "regions classes"],
    detection_logits: Float[np.ndarray, "regions classes"],
    class_temperature: float = 1.0,
    detection_temperature: float = 1.0,
) -> Float32[np.ndarray, " classes"]:
    """p, the sum of :func:`region_scores` over the image's regions: float32 (K,)."""
    scores: np.ndarray = region_scores(
        class_logits, detection_logits, class_temperature, detection_temperature
    ).sum(axis=0)
    return scores


def share_of_best(scores: Float[np.ndarray, "regions classes"]) -> Float[np.ndarray, "regions classes"]:
    """Scores of one image's regions as a share of their class's best region: (n, K) -> (n, K), in [0, 1].

    S_rk falls with the number of regions that see the same object; this share does not.
    """
    shares: np.ndarray = scores / scores.max(axis=0).clip(SMALLEST)
    return shares


def relative_scores(
    class_logits: Float[np.ndarray, "regions classes"], detection_logits: Float[np.ndarray, "regions classes"]
) -> Float32[np.ndarray, "regions classes"]:
    """:func:`share_of_best` of S, float32 (n, K), from logits as :func:`region_scores` takes them.

    The sum over regions that S is divided by cancels out, so it is not taken.
    """
    over_classes = softmax(class_logits.astype(np.float32), axis=1)
    detection_logits = detection_logits.astype(np.float32)
    return share_of_best(over_classes * np.exp(detection_logits - detection_logits.max(axis=0)))


def refined_scores(
    logits: Float[np.ndarray, "regions branches outcomes"],
) -> Float32[np.ndarray, "regions classes"] | None:
    """Probability of each class, the mean of the branches of refinement (OICR): float32 (n, K).

    Args:
        logits: (n, N, K + 1), of N branches, background last.

    Returns:
        None where there are no branches.
    """
    if not logits.shape[1]:
        return None
    scores: np.ndarray = softmax(logits.astype(np.float32), axis=2)[:, :, :-1].mean(axis=1)
    return scores


def batch_region_scores(
    class_logits: Float[Tensor, "regions classes"],
    detection_logits: Float[Tensor, "regions classes"],
    image: Int[Tensor, " regions"],
    images: int,
    class_temperature: float = 1.0,
    detection_temperature: float = 1.0,
) -> Float[Tensor, "regions classes"]:
    """S of the R regions of a batch's images, (R, K).

    Args:
        class_logits: M^c, (R, K).
        detection_logits: M^d, (R, K).
        image: int64 (R,), place in the batch of each region's image.
        images: how many images the batch has.
        class_temperature: t^c; 1 for the teacher itself.
        detection_temperature: t^d; 1 for the teacher itself.
    """
    over_classes = torch.softmax(class_logits / class_temperature, dim=1)
    return over_classes * segment_softmax(detection_logits / detection_temperature, image, images)


def batch_image_scores(
    scores: Float[Tensor, "regions classes"], image: Int[Tensor, " regions"], images: int
) -> Float[Tensor, "{images} classes"]:
    """p, the sum of :func:`batch_region_scores` over each image's regions: (R, K) -> (images, K)."""
    return torch.zeros(images, scores.shape[1], dtype=scores.dtype, device=scores.device).index_add(
        0, image, scores
    )


def segment_softmax(
    logits: Float[Tensor, "rows classes"], segment: Int[Tensor, " rows"], segments: int
) -> Float[Tensor, "rows classes"]:
    """Softmax over the rows of each segment: logits (R, K), segment (R,) -> (R, K)."""
    index = segment[:, None].expand_as(logits)
    peak = torch.full((segments, logits.shape[1]), -torch.inf, dtype=logits.dtype, device=logits.device)
    peak = peak.scatter_reduce(0, index, logits.detach(), "amax")
    shifted = (logits - peak[segment]).exp()
    total = torch.zeros_like(peak).index_add(0, segment, shifted)
    return shifted / total[segment]

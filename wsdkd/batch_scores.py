"""From the teacher's region logits to image scores (WSDDN; release)."""

import torch


def segment_softmax(logits: torch.Tensor, segment: torch.Tensor, segments: int) -> torch.Tensor:
    """Softmax over the rows of each segment: logits (R, K), segment (R,) -> (R, K)."""
    index = segment[:, None].expand_as(logits)
    peak = torch.full((segments, logits.shape[1]), -torch.inf, dtype=logits.dtype, device=logits.device)
    peak = peak.scatter_reduce(0, index, logits.detach(), "amax")
    shifted = (logits - peak[segment]).exp()
    total = torch.zeros_like(peak).index_add(0, segment, shifted)
    return shifted / total[segment]


def region_scores(
    class_logits: torch.Tensor,
    detection_logits: torch.Tensor,
    image: torch.Tensor,
    images: int,
    class_temperature: float = 1.0,
    detection_temperature: float = 1.0,
) -> torch.Tensor:
    """S = softmax_K(M^c / t^c) * softmax_R(M^d / t^d), the latter over each image's regions.

    Args:
        class_logits: M^c, (R, K).
        detection_logits: M^d, (R, K).
        image: (R,), place in the batch of each region's image.
        images: how many images the batch has.
        class_temperature: t^c; 1 for the teacher itself.
        detection_temperature: t^d; 1 for the teacher itself.

    Returns:
        (R, K).
    """
    over_classes = torch.softmax(class_logits / class_temperature, dim=1)
    return over_classes * segment_softmax(detection_logits / detection_temperature, image, images)


def image_scores(scores: torch.Tensor, image: torch.Tensor, images: int) -> torch.Tensor:
    """p_k, the sum of :func:`region_scores` over each image's regions: (R, K) -> (images, K), in (0, 1)."""
    return torch.zeros(images, scores.shape[1], dtype=scores.dtype, device=scores.device).index_add(
        0, image, scores
    )

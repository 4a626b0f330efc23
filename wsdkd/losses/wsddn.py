"""The teacher's loss (WSDDN; release)."""

import torch
from torch.nn import functional as F

CLAMP = 1e-4


def wsddn_loss(scores: torch.Tensor, labels: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of image scores, summed over classes and averaged over images (release).

    Averaged over classes instead, the gradient is K times smaller and the teacher hardly trains.

    Args:
        scores: p, (B, K), in (0, 1); clamped to [1e-4, 1 - 1e-4].
        labels: (B, K), 1 where the class is present.
        known: bool (B, K), False where a class is ignored.
    """
    clamped = scores.clamp(CLAMP, 1 - CLAMP)
    loss = F.binary_cross_entropy(clamped, labels, reduction="none")
    return (loss * known).sum() / len(scores)

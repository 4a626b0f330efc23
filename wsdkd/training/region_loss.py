"""The loss of what classifies single regions: the teacher in training, the student, the baseline."""

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F


def region_loss(
    logits: Float[Tensor, "regions classes"],
    targets: Float[Tensor, "regions classes"],
    known: Bool[Tensor, "regions classes"],
) -> Float[Tensor, ""]:
    """Sigmoid cross-entropy of region logits, summed over classes and averaged over regions; 0 of none.

    Args:
        logits: of a classifier on the features of regions, (R, K).
        targets: how far each region holds each class, (R, K), in [0, 1].
        known: bool (R, K), False where a class is ignored in the region's image.
    """
    loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return (loss * known).sum() / max(len(logits), 1)

"""The asymmetric loss of multi-label classification, for students and, through its logits, the teacher."""

from jaxtyping import Bool, Float
from timm.loss.asymmetric_loss import AsymmetricLossMultiLabel
from torch import Tensor

_EACH = AsymmetricLossMultiLabel(reduction="none")


def asymmetric_loss(
    logits: Float[Tensor, "images classes"],
    labels: Float[Tensor, "images classes"],
    known: Bool[Tensor, "images classes"],
) -> Float[Tensor, ""]:
    """ASL (Ridnik et al., ICCV 2021) as timm has it, summed over classes and averaged over images.

    Positives: -(1 - p) log p. Negatives: -q^4 log(1 - q), q = max(p - 0.05, 0): most negatives are easy, and
    count for next to nothing.

    Args:
        logits: of p, (B, K).
        labels: (B, K), 1 where the class is present.
        known: bool (B, K), False where a class is ignored.
    """
    loss: Tensor = _EACH(logits, labels)
    return (loss * known).sum() / len(logits)

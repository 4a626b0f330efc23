"""Stage 2: image-level losses of the student (Eq. 5 and Eq. 10; release)."""

import torch
from torch.nn import functional as F


def label_loss(logits: torch.Tensor, labels: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """L_p (Eq. 5): sigmoid cross-entropy with the labels, summed over classes, averaged over images.

    Args:
        logits: z, (B, K).
        labels: y, (B, K), 1 where the class is present.
        known: bool (B, K), False where a class is ignored.
    """
    loss = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return (loss * known).sum() / len(logits)


def prediction_loss(
    logits: torch.Tensor, teacher_scores: torch.Tensor, known: torch.Tensor, temperature: float
) -> torch.Tensor:
    """L_p' (Eq. 10): sigmoid cross-entropy of z / t with the teacher's softened scores p'.

    The release has no factor t^2.

    Args:
        logits: z, (B, K).
        teacher_scores: p', (B, K), from :func:`wsdkd.models.scores.image_scores` at t^c and t^d.
        known: bool (B, K), False where a class is ignored.
        temperature: t.
    """
    return label_loss(logits / temperature, teacher_scores, known)

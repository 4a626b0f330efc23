"""Labels of regions, as the teacher sees them, for the student (recipe ``regions``, our own)."""

import numpy as np
import torch
from torch.nn import functional as F


def region_targets(
    class_logits: np.ndarray, detection_logits: np.ndarray, labels: tuple[int, ...]
) -> np.ndarray:
    """How far each region holds an object of each class: float32 (n, K) in [0, 1].

    S_rk as a share of its class's best region, and 0 for classes that the image is known not to
    hold: the teacher says where, the label says whether.

    Args:
        class_logits: M^c, (n, K), of any precision; computed with in single.
        detection_logits: M^d, (n, K), likewise.
        labels: classes present in the image.
    """
    class_logits, detection_logits = class_logits.astype(np.float32), detection_logits.astype(np.float32)
    over_classes = np.exp(class_logits - class_logits.max(axis=1, keepdims=True))
    over_classes /= over_classes.sum(axis=1, keepdims=True)
    scores = over_classes * np.exp(detection_logits - detection_logits.max(axis=0))
    relative = scores / scores.max(axis=0).clip(1e-12)
    targets = np.zeros(relative.shape, np.float32)
    present = list(labels)
    targets[:, present] = relative[:, present]
    return targets


def region_loss(logits: torch.Tensor, targets: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Sigmoid cross-entropy of region logits, summed over classes and averaged over regions.

    Args:
        logits: of the student's classifier on the features of regions, (R, K).
        targets: from :func:`region_targets`, (R, K).
        known: bool (R, K), False where a class is ignored in the region's image.
    """
    loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return (loss * known).sum() / len(logits)

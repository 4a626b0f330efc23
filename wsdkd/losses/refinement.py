"""Online instance classifier refinement (OICR; Tang et al., CVPR 2017), the teacher's named option.

WSDDN is content with the part of an object that tells its class best. Each branch of refinement classifies
every region by itself, and learns from the branch before it: what that one scores highest for a class that
the image holds, and all that overlaps it, belongs to the class; everything else is background.
"""

from typing import NamedTuple

import torch
from torch.nn import functional as F
from torchvision.ops import box_iou

SAME_OBJECT_IOU = 0.5
"""Regions that overlap the best one by more than this take over its class (OICR, I_t)."""


class Targets(NamedTuple):
    """What a branch is taught of R regions.

    Attributes:
        classes: int64 (R,), in 0..K; K is background.
        weights: (R,), score of the region that each one was held against; 0 in an image without labels.
    """

    classes: torch.Tensor
    weights: torch.Tensor


def refinement_targets(scores: torch.Tensor, rois: torch.Tensor, labels: torch.Tensor) -> Targets:
    """Labels of regions from the scores of the branch before (OICR, Algorithm 1).

    A region is held against the best region of that present class whose best region it overlaps most.

    Args:
        scores: (R, K), of the branch before; of the first one, S of WSDDN.
        rois: (R, 5), image's place in the batch, then x1, y1, x2, y2 in any frame.
        labels: (B, K), 1 where a class is present and known to be.
    """
    scores = scores.detach()
    classes = torch.full((len(rois),), scores.shape[1], dtype=torch.long, device=rois.device)
    weights = torch.zeros(len(rois), dtype=scores.dtype, device=rois.device)
    for image, present in enumerate(labels):
        held = torch.nonzero(present > 0)[:, 0]
        regions = torch.nonzero(rois[:, 0] == image)[:, 0]
        if not len(held) or not len(regions):
            continue
        best_scores, best = scores[regions][:, held].max(dim=0)
        boxes = rois[regions, 1:]
        # Of two boxes without area it is NaN.
        overlap, nearest = box_iou(boxes, boxes[best]).nan_to_num(0.0).max(dim=1)
        same = overlap > SAME_OBJECT_IOU
        classes[regions[same]] = held[nearest[same]]
        weights[regions] = best_scores[nearest]
    return Targets(classes, weights)


def refinement_loss(
    logits: torch.Tensor, scores: torch.Tensor, rois: torch.Tensor, labels: torch.Tensor, known: torch.Tensor
) -> torch.Tensor:
    """Weighted cross-entropy of all branches: summed over them, averaged over an image's regions and images.

    Args:
        logits: (R, N, K + 1), of N branches; background comes last.
        scores: S of WSDDN, (R, K).
        rois: (R, 5), image's place in the batch, then x1, y1, x2, y2 in any frame.
        labels: (B, K), 1 where the class is present.
        known: bool (B, K), False where a class is ignored: its scores then teach nothing, nor are they
            taught anything.
    """
    image = rois[:, 0].long()
    ignored = F.pad(~known, (0, 1), value=False)[image]
    share = 1 / torch.bincount(image, minlength=len(labels)).clamp(min=1)[image]
    total = logits.new_zeros(())
    for branch in logits.unbind(dim=1):
        targets = refinement_targets(scores, rois, labels * known)
        branch = branch.masked_fill(ignored, -torch.inf)
        each = F.cross_entropy(branch, targets.classes, reduction="none")
        total = total + (each * targets.weights * share).sum() / len(labels)
        scores = branch.softmax(dim=1)[:, :-1]
    return total

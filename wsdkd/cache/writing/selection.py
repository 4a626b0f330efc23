"""Which RoIs' features are worth keeping: non-maximum suppression by the teacher's confidence.

The paper chooses RoIs by NMS and weights them by confidence (Eq. 4, unverified).
"""

from typing import Literal

import numpy as np
import torch
from torchvision.ops import nms

from wsdkd.scores import SMALLEST, region_scores, share_of_best


def confidences(
    class_logits: np.ndarray, detection_logits: np.ndarray, labels: tuple[int, ...]
) -> np.ndarray:
    """How surely each RoI holds an object of the image's labels, in (0, 1], float32 (n,).

    The highest :func:`~wsdkd.scores.share_of_best` of S over the classes in ``labels``, each weighted by
    its image score p_k, relative to the highest p_k of them.

    Args:
        class_logits: M^c, (n, K).
        detection_logits: M^d, (n, K).
        labels: classes present in the image; where there are none, all classes count.
    """
    scores = region_scores(class_logits, detection_logits)
    if labels:
        scores = scores[:, list(labels)]
    image = scores.sum(axis=0)
    relative = share_of_best(scores) * (image / image.max().clip(SMALLEST))
    best: np.ndarray = relative.max(axis=1).astype(np.float32)
    return best


def choose_rois(
    boxes: np.ndarray,
    class_logits: np.ndarray,
    detection_logits: np.ndarray,
    labels: tuple[int, ...],
    best: int | Literal["all"],
    nms_iou: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the RoIs of one image whose features are kept.

    Args:
        boxes: (n, 4), in any frame.
        class_logits: M^c, (n, K).
        detection_logits: M^d, (n, K).
        labels: classes present in the image.
        best: at most this many, after NMS; ``all`` keeps every RoI, without NMS.
        nms_iou: of two RoIs that overlap more than this, the more confident is kept.

    Returns:
        Places of the chosen RoIs, int32 (c,), and their :func:`confidences`, float32 (c,), most
        confident first.
    """
    confidence = confidences(class_logits, detection_logits, labels)
    if best == "all":
        chosen = np.argsort(-confidence, kind="stable")
    else:
        kept = nms(torch.from_numpy(boxes).float(), torch.from_numpy(confidence), nms_iou)
        chosen = kept.numpy()[:best]
    return chosen.astype(np.int32), confidence[chosen]

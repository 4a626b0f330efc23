"""Detections of an image, made of how well each of its regions holds each class."""

from dataclasses import dataclass

import numpy as np
import torch

from wsdkd.networks.deferred_compiler import compiler_deferred

with compiler_deferred():
    from torchvision.ops import nms


@dataclass(frozen=True)
class Detections:
    """Detections of one image, best first.

    Attributes:
        boxes: float32 (n, 4), (x1, y1, x2, y2) in pixels of the original image.
        labels: int16 (n,), places in ``classes.json``.
        scores: float32 (n,).
    """

    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray


def detect(boxes: np.ndarray, scores: np.ndarray, nms_iou: float, limit: int) -> Detections:
    """The best ``limit`` detections of one image.

    Args:
        boxes: (n, 4), pixels of the original image.
        scores: (n, K), S of the teacher or any other score of region against class.
        nms_iou: of two boxes of a class whose IoU is above this, the better stays.
        limit: detections an image, over all classes together.
    """
    count, num_classes = scores.shape
    by_class = scores.T.ravel()
    ranked = np.argsort(-by_class, kind="stable")
    # Whether a box stays is up to better ones of its class alone, so those that rank first are enough as soon
    # as ``limit`` of them stay. Classes lie so far apart that one call does for all of them.
    corners = boxes.astype(np.float64)
    apart = np.arange(num_classes) * (np.ptp(corners) + 1 if count else 1.0)
    kept, looked_at = np.zeros(0, np.int64), 0
    while len(kept) < limit and looked_at < len(ranked):
        looked_at = 4 * max(looked_at, limit)
        labels, regions = np.divmod(ranked[:looked_at], count)
        places = torch.from_numpy(corners[regions] + apart[labels, None])
        stay = nms(places, torch.from_numpy(by_class[ranked[:looked_at]].astype(np.float64)), nms_iou)
        kept = ranked[np.sort(stay.numpy())[:limit]]
    labels, regions = np.divmod(kept, max(count, 1))
    return Detections(
        boxes[regions].astype(np.float32), labels.astype(np.int16), by_class[kept].astype(np.float32)
    )

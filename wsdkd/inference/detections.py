"""From scores of regions to detections: non-maximum suppression, class by class."""

from dataclasses import dataclass

import numpy as np
import torch
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
    corners = torch.from_numpy(np.ascontiguousarray(boxes, dtype=np.float32))
    columns = torch.from_numpy(np.ascontiguousarray(scores.T, dtype=np.float32))
    kept = [nms(corners, column, nms_iou).numpy()[:limit] for column in columns]
    regions = np.concatenate([np.zeros(0, np.int64), *kept])
    labels = np.repeat(np.arange(len(kept)), [len(places) for places in kept])
    confidence = scores[regions, labels]
    best = np.argsort(-confidence, kind="stable")[:limit]
    return Detections(
        boxes[regions[best]].astype(np.float32),
        labels[best].astype(np.int16),
        confidence[best].astype(np.float32),
    )

"""CorLoc: is the best region of a class on an object of it? (Deselaers et al., IJCV 2012)."""

from collections.abc import Iterable, Sequence

import numpy as np

from wsdkd.boxes import pairwise_iou
from wsdkd.evaluation.truth import ImageObjects


def best_regions(boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The box of highest score for each class: (K, 4), from boxes (n, 4) and scores (n, K)."""
    best: np.ndarray = boxes[scores.argmax(axis=0)]
    return best


def correct_localisation(
    best: Iterable[np.ndarray], objects: Sequence[ImageObjects], num_classes: int, iou: float = 0.5
) -> np.ndarray:
    """Share of the images with a class in which the class's best region is on an object of it.

    An image has a class where it has an object of it that is neither difficult nor a crowd; only
    such objects can be hit. The usual split is the one the teacher was trained on.

    Args:
        best: of each image the best region of each class, (K, 4), in the order of ``objects``.
        objects: of each image.
        num_classes: K.
        iou: intersection over union from which a region is on an object.

    Returns:
        float64 (K,), percent; NaN for a class that no image has.
    """
    hits, images = np.zeros(num_classes), np.zeros(num_classes)
    for regions, real in zip(best, objects, strict=True):
        labels, boxes = real.labels[~real.optional], real.boxes[~real.optional]
        present = np.unique(labels)
        overlaps = pairwise_iou(regions[present].astype(np.float64), boxes)
        overlaps[present[:, None] != labels[None, :]] = 0
        hits[present] += (overlaps >= iou).any(axis=1)
        images[present] += 1
    return np.divide(100 * hits, images, out=np.full(num_classes, np.nan), where=images > 0)

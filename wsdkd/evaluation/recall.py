"""Recall of proposals: the share of objects that some box is on, whatever its class."""

from collections.abc import Iterable, Sequence

import numpy as np

from wsdkd.boxes import pairwise_iou
from wsdkd.evaluation.truth import ImageObjects


def proposal_recall(
    proposals: Iterable[np.ndarray],
    objects: Sequence[ImageObjects],
    ious: Sequence[float] = (0.5, 0.7),
    best: int | None = None,
) -> dict[float, float]:
    """Share of the objects that overlap one of their image's proposals by at least each IoU.

    Difficult objects and crowds are left out. A proposal may be on several objects, as in Hosang et
    al. (PAMI 2016): what matters is whether the teacher gets to see the object at all.

    Args:
        proposals: of each image boxes (n, 4), best first, in the order of ``objects``, both in pixels
            of the original image.
        objects: of each image.
        ious: thresholds, in (0, 1].
        best: look at the first this many proposals of an image; by default at all.

    Returns:
        Percent for each of ``ious``; NaN where there are no objects.
    """
    overlaps = [np.zeros(0)]
    for boxes, real in zip(proposals, objects, strict=True):
        targets = real.boxes[~real.optional]
        table = pairwise_iou(targets, np.asarray(boxes[:best], dtype=np.float64))
        overlaps.append(table.max(axis=1, initial=0))
    reached = np.concatenate(overlaps)
    if len(reached) == 0:
        return {iou: float("nan") for iou in ious}
    return {iou: float(100 * (reached >= iou).mean()) for iou in ious}

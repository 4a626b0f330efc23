"""The last step for the boxes of one image, wherever they come from."""

import numpy as np

from wsdkd.boxes import clip
from wsdkd.params.proposals import ProposalsParams

LOWEST = 1e-6  # of a relative score: a multiplier of exactly 0 would hide the region from the teacher


def finish(
    boxes: np.ndarray, scores: np.ndarray, width: float, height: float, params: ProposalsParams
) -> tuple[np.ndarray, np.ndarray]:
    """Clip, drop, order, cut and normalise.

    Scores multiply RoI features in the teacher (method: release). The authors multiply by raw
    EdgeBoxes scores of learned edges; those of gradient edges have a scale of their own in every
    image, so ``relative`` divides them by the image's highest. ``raw`` leaves them.

    Args:
        boxes: (n, 4), (x1, y1, x2, y2) in pixels of the image.
        scores: (n,), finite, 0 or above.
        width: of the image, in pixels.
        height: of the image, in pixels.
        params: ``min_side``, ``max_boxes`` and ``scores``.

    Returns:
        Boxes float32 (m, 4) within the image and scores float32 (m,), best first, equal scores in the
        order given. Where no box is left, the whole image with score 1: m is at least 1.
    """
    boxes = clip(np.asarray(boxes, dtype=np.float64), width, height)
    scores = np.asarray(scores, dtype=np.float64)
    sides = boxes[:, 2:] - boxes[:, :2]
    usable = (sides >= params.min_side).all(axis=1) & (sides > 0).all(axis=1)
    boxes, scores = boxes[usable], scores[usable]
    if len(boxes) == 0:
        return np.array([[0, 0, width, height]], dtype=np.float32), np.ones(1, dtype=np.float32)
    order = np.argsort(-scores, kind="stable")[: params.max_boxes]
    boxes, scores = boxes[order], scores[order]
    if params.scores == "relative":
        highest = scores[0]
        scores = np.maximum(scores / highest, LOWEST) if highest > 0 else np.ones_like(scores)
    return boxes.astype(np.float32), scores.astype(np.float32)

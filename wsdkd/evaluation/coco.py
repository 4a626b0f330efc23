"""Average precision of detections by COCO's rules (Lin et al., ECCV 2014).

It is that of pycocotools to the last bit, and computed here because pycocotools makes a dictionary of every
detection and visits each in Python. Most lie in images without an object of their class, where there is
nothing to match them with.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from wsdkd.evaluation.ranking import RECALLS
from wsdkd.evaluation.truth import ImageObjects
from wsdkd.teacher.run import Detections

OVERLAPS = np.linspace(0.5, 0.95, 10)
"""IoU at which an object is found; AP is the mean over them."""
OF_AN_IMAGE = 100
"""Detections of a class that count in an image, the best."""


def coco_average_precision(
    detections: Sequence[Detections], objects: Sequence[ImageObjects], num_classes: int
) -> dict[str, float]:
    """COCO's AP (mean over IoU 0.5 to 0.95), and AP at IoU 0.5 and 0.75, in percent.

    Optional objects are treated as COCO treats crowds. At most 100 detections of a class in an image count.

    Args:
        detections: of each image, in the order of ``objects``.
        objects: of each image.
        num_classes: K.

    Returns:
        Keys ``COCO_AP``, ``COCO_AP50`` and ``COCO_AP75``.

    Raises:
        ValueError: there is no object to be found.
    """
    found, real = _found(detections, num_classes), _real(objects, num_classes)
    curves = [
        _precision(one, other)
        for one, other in zip(found, real, strict=True)
        if not other.optional.all()  # a class without an object to be found has no AP
    ]
    if not curves:
        raise ValueError("no image has an annotated object, so there is no average precision")
    precision = np.stack(curves, axis=-1)
    each = {"COCO_AP": precision, "COCO_AP50": precision[0], "COCO_AP75": precision[5]}
    return {name: 100 * float(np.mean(part.ravel())) for name, part in each.items()}


class _Boxes(NamedTuple):
    """Detections, or objects, of one class, image after image.

    Attributes:
        images: int64 (n,), ascending.
        boxes: float64 (n, 4), x, y, width, height.
        scores: (n,), of detections, descending within an image.
        optional: bool (n,), of objects; in an image those that are come last.
    """

    images: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    optional: np.ndarray


def _found(detections: Sequence[Detections], num_classes: int) -> list[_Boxes]:
    images = np.repeat(np.arange(len(detections)), [len(item.labels) for item in detections])
    corners = np.concatenate([np.zeros((0, 4)), *(item.boxes for item in detections)])
    scores = np.concatenate([np.zeros(0), *(item.scores for item in detections)])
    labels = np.concatenate([np.zeros(0, np.int64), *(item.labels for item in detections)])
    return _by_class(labels, num_classes, np.lexsort((-scores, images, labels)), images, corners, scores)


def _real(objects: Sequence[ImageObjects], num_classes: int) -> list[_Boxes]:
    items = list(objects)
    images = np.repeat(np.arange(len(items)), [len(item.labels) for item in items])
    corners = np.concatenate([np.zeros((0, 4)), *(item.boxes for item in items)])
    labels = np.concatenate([np.zeros(0, np.int64), *(item.labels for item in items)])
    optional = np.concatenate([np.zeros(0, bool), *(item.optional for item in items)])
    order = np.lexsort((optional, images, labels))
    return _by_class(labels, num_classes, order, images, corners, np.zeros(len(labels)), optional)


def _by_class(
    labels: np.ndarray,
    num_classes: int,
    order: np.ndarray,
    images: np.ndarray,
    corners: np.ndarray,
    scores: np.ndarray,
    optional: np.ndarray | None = None,
) -> list[_Boxes]:
    boxes = np.column_stack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
    flags = np.zeros(len(labels), bool) if optional is None else optional
    ends = np.searchsorted(labels[order], np.arange(num_classes), side="right")
    return [
        _Boxes(images[one], boxes[one], scores[one], flags[one])
        for one in np.split(order, ends)[:num_classes]
    ]


def _precision(found: _Boxes, real: _Boxes) -> np.ndarray:
    """Precision of one class at each overlap and recall, (10, 101)."""
    right = np.zeros((len(OVERLAPS), len(found.images)), bool)
    passed_over = np.zeros_like(right)
    images, starts, counts = np.unique(found.images, return_index=True, return_counts=True)
    begins, ends = (np.searchsorted(real.images, images, side=side) for side in ("left", "right"))
    counted = np.arange(len(found.images)) - np.repeat(starts, counts) < OF_AN_IMAGE
    for place in np.flatnonzero(ends > begins):
        here = slice(starts[place], starts[place] + min(counts[place], OF_AN_IMAGE))
        there = slice(begins[place], ends[place])
        right[:, here], passed_over[:, here] = _matched(
            _overlaps(found.boxes[here], real.boxes[there], real.optional[there]), real.optional[there]
        )
    order = np.argsort(-found.scores[counted], kind="stable")
    right, wrong = (each[:, counted][:, order] for each in (right, ~right & ~passed_over))
    hits, misses = np.cumsum(right, axis=1, dtype=float), np.cumsum(wrong, axis=1, dtype=float)
    recall = hits / (~real.optional).sum()
    precision = hits / (hits + misses + np.spacing(1))
    # What is reached at a recall or beyond it; 0 beyond the last.
    reached = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    reached = np.pad(reached, ((0, 0), (0, 1)))
    return np.stack([line[np.searchsorted(at, RECALLS)] for line, at in zip(reached, recall, strict=True)])


def _overlaps(found: np.ndarray, real: np.ndarray, optional: np.ndarray) -> np.ndarray:
    """IoU (n, m) of boxes (n, 4) and (m, 4), x, y, width, height; with optional ones, the share in them."""
    low = np.maximum(found[:, None, :2], real[None, :, :2])
    high = np.minimum(found[:, None, :2] + found[:, None, 2:], real[None, :, :2] + real[None, :, 2:])
    sides = (high - low).clip(0)
    shared = sides[..., 0] * sides[..., 1]
    own = (found[:, 2] * found[:, 3])[:, None]
    whole = np.where(optional, own, own + real[:, 2] * real[:, 3] - shared)
    return np.divide(shared, whole, out=np.zeros_like(shared), where=shared > 0)


def _matched(overlaps: np.ndarray, optional: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which detections of an image are right, and which count nowhere, at each overlap: bool (10, n) each.

    Each in its turn takes the object that it overlaps most of those left; of equals the last. One that finds
    none may lie on an optional one, of which nothing is taken.

    Args:
        overlaps: (n, m), of detections, the best first, with objects, the optional ones last.
        optional: bool (m,).
    """
    wanted = (~optional).sum()
    right = np.zeros((len(OVERLAPS), len(overlaps)), bool)
    free = np.ones((len(OVERLAPS), wanted), bool)
    every = np.arange(len(OVERLAPS))
    for place in np.flatnonzero(overlaps[:, :wanted].max(axis=1, initial=0) >= OVERLAPS[0]):
        left = np.where(free, overlaps[place, :wanted], -1)
        best = wanted - 1 - left[:, ::-1].argmax(axis=1)
        right[:, place] = left[every, best] >= OVERLAPS
        free[every, best] &= ~right[:, place]
    on_optional = overlaps[:, wanted:].max(axis=1, initial=0) >= OVERLAPS[:, None]
    return right, on_optional & ~right

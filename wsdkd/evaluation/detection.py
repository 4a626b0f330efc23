"""Average precision of detections, by two rules.

Pascal VOC's (Everingham et al., IJCV 2010) is computed here; COCO's by pycocotools.
"""

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from wsdkd.data.boxes import pairwise_iou
from wsdkd.evaluation.ranking import precision_at_recall
from wsdkd.evaluation.truth import ImageObjects
from wsdkd.ground.loading import uncollected
from wsdkd.teacher.detections import Detections

Interpolation = Literal["all_points", "voc2007"]
IOUS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
"""Over which COCO's average precision is averaged."""
DETECTIONS = 100
"""Of a class in an image, the best, count to COCO."""


@dataclass(frozen=True)
class Matches:
    """Detections that count as right or wrong, over all images, best first.

    Attributes:
        labels: int64 (D,), the class that was detected.
        correct: bool (D,).
        positives: int64 (K,), objects to be found of each class.
    """

    labels: np.ndarray
    correct: np.ndarray
    positives: np.ndarray


def match(
    detections: Sequence[Detections], objects: Sequence[ImageObjects], num_classes: int, iou: float = 0.5
) -> Matches:
    """Hold detections against the annotated objects of the same images, as VOC's own code does.

    A detection belongs to the object of its class that it overlaps most. It is wrong where that
    overlap is below ``iou``, or where a better detection has already found the object; it counts
    nowhere where the object is optional (difficult, or a crowd). Overlaps are of boxes with
    continuous edges, without VOC's extra pixel.

    Args:
        detections: of each image, in the order of ``objects``.
        objects: of each image.
        num_classes: K.
        iou: intersection over union at which an object is found.
    """
    found: list[np.ndarray] = []
    optional: list[np.ndarray] = []
    seen = 0
    for detected, real in zip(detections, objects, strict=True):
        nearest, overlap = _nearest(detected, real)
        hit = overlap >= iou
        found.append(np.where(hit, nearest + seen, -1))
        optional.append(real.optional[nearest] & hit if len(real.labels) else hit)
        seen += len(real.labels)
    scores = np.concatenate([np.zeros(0), *(item.scores for item in detections)])
    labels = np.concatenate([np.zeros(0, np.int64), *(item.labels for item in detections)])
    counted = ~np.concatenate([np.zeros(0, bool), *optional])
    ranked = np.argsort(-scores, kind="stable")
    ranked = ranked[counted[ranked]]
    place = np.concatenate([np.zeros(0, np.int64), *found])[ranked]
    first = np.zeros(len(place), dtype=bool)
    first[np.unique(place, return_index=True)[1]] = True
    required = [item.labels[~item.optional] for item in objects]
    positives = np.bincount(np.concatenate([np.zeros(0, np.int64), *required]), minlength=num_classes)
    return Matches(labels[ranked], first & (place >= 0), positives)


def _nearest(detected: Detections, real: ImageObjects) -> tuple[np.ndarray, np.ndarray]:
    """Of each detection the object of its class that it overlaps most, and the overlap: both (n,)."""
    count = len(detected.labels)
    if not len(real.labels):
        return np.zeros(count, np.int64), np.full(count, -1.0)
    overlaps = pairwise_iou(detected.boxes.astype(np.float64), real.boxes)
    overlaps[detected.labels[:, None] != real.labels[None, :]] = -1
    nearest = overlaps.argmax(axis=1)
    return nearest, overlaps[np.arange(count), nearest]


def detection_ap(matches: Matches, interpolation: Interpolation = "all_points") -> np.ndarray:
    """AP of each class in percent, (K,); NaN for a class without an object to be found.

    Args:
        matches: of all images.
        interpolation: ``all_points`` is the area under precision made monotone, VOC since 2010;
            ``voc2007`` the mean of that precision at the recalls 0, 0.1, ..., 1.
    """
    result = np.full(len(matches.positives), np.nan)
    for k in np.flatnonzero(matches.positives):
        recall, precision = recall_and_precision(matches, int(k))
        if interpolation == "voc2007":
            result[k] = 100 * precision_at_recall(recall, precision, np.linspace(0, 1, 11)).mean()
        else:
            envelope = np.maximum.accumulate(precision[::-1])[::-1]
            result[k] = 100 * np.sum(np.diff(recall, prepend=0) * envelope)
    return result


def recall_and_precision(matches: Matches, label: int) -> tuple[np.ndarray, np.ndarray]:
    """Recall and precision of one class after each of its detections, fractions (D_k,)."""
    correct = matches.correct[matches.labels == label]
    hits = np.cumsum(correct)
    return hits / matches.positives[label], hits / np.arange(1, len(hits) + 1)


def coco_average_precision(
    detections: Sequence[Detections], objects: Sequence[ImageObjects], num_classes: int
) -> dict[str, float]:
    """COCO's AP (mean over IoU 0.5 to 0.95), and AP at IoU 0.5 and 0.75, in percent.

    Optional objects are treated as COCO treats crowds. At most 100 detections an image count.

    Args:
        detections: of each image, in the order of ``objects``.
        objects: of each image.
        num_classes: K.

    Returns:
        Keys ``COCO_AP``, ``COCO_AP50`` and ``COCO_AP75``.

    Raises:
        ValueError: there is no object to be found.
    """
    if all(item.optional.all() for item in objects):
        raise ValueError("no image has an annotated object, so there is no average precision")
    flat = _flat(detections)
    # A class at a time, of which the curves alone are kept: pycocotools makes some kilobytes of every
    # detection.
    with redirect_stdout(io.StringIO()), uncollected():  # it prints its progress
        curves = [_precision(flat, objects, label) for label in range(num_classes)]
    precision = np.stack(curves)
    precision[precision < 0] = np.nan  # of a class without an object
    by_iou = 100 * np.nanmean(precision, axis=(0, 2))
    return {
        "COCO_AP": float(by_iou.mean()),
        "COCO_AP50": float(by_iou[IOUS.index(0.5)]),
        "COCO_AP75": float(by_iou[IOUS.index(0.75)]),
    }


def _flat(detections: Sequence[Detections]) -> np.ndarray:
    """Rows of pycocotools: image, x, y, width, height, score, class."""
    images = np.repeat(np.arange(len(detections)), [len(item.labels) for item in detections])
    boxes = np.concatenate([np.zeros((0, 4)), *(item.boxes for item in detections)])
    scores = np.concatenate([np.zeros(0), *(item.scores for item in detections)])
    labels = np.concatenate([np.zeros(0), *(item.labels for item in detections)])
    return np.column_stack([images, boxes[:, :2], boxes[:, 2:] - boxes[:, :2], scores, labels])


def _precision(flat: np.ndarray, objects: Sequence[ImageObjects], label: int) -> np.ndarray:
    """Precision of one class over all images, by IoU and recall; -1 where it has no object."""
    found = flat[flat[:, -1] == label]
    annotations = _annotations(objects, label)
    images = sorted({int(image) for image in found[:, 0]} | {note["image_id"] for note in annotations})
    evaluation = COCOeval(
        _indexed(images, label, annotations), _indexed(images, label, _results(found)), "bbox"
    )
    # Of objects of any size, and of the best hundred: what is not reported took most of the time.
    evaluation.params.areaRng, evaluation.params.areaRngLbl = evaluation.params.areaRng[:1], ["all"]
    evaluation.params.maxDets = [DETECTIONS]
    evaluation.evaluate()
    evaluation.accumulate()
    precision: np.ndarray = evaluation.eval["precision"][:, :, 0, 0, 0]
    return precision


def _indexed(images: Sequence[int], label: int, annotations: list[dict[str, Any]]) -> COCO:
    made = COCO()
    made.dataset = {
        "images": [{"id": image} for image in images],
        "categories": [{"id": label}],
        "annotations": annotations,
    }
    made.createIndex()
    return made


def _annotations(objects: Sequence[ImageObjects], label: int) -> list[dict[str, Any]]:
    annotations: list[dict[str, Any]] = []
    for image, item in enumerate(objects):
        here = item.labels == label
        for (x1, y1, x2, y2), optional in zip(
            item.boxes[here].tolist(), item.optional[here].tolist(), strict=True
        ):
            annotations.append(
                {
                    "id": len(annotations) + 1,  # 0 means unmatched to pycocotools
                    "image_id": image,
                    "category_id": label,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": (x2 - x1) * (y2 - y1),
                    "iscrowd": int(optional),
                }
            )
    return annotations


def _results(found: np.ndarray) -> list[dict[str, Any]]:
    # pycocotools' own loadRes draws a polygon around each box besides, which took a third of the whole time.
    return [
        {
            "id": number,
            "image_id": int(image),
            "category_id": int(label),
            "bbox": [x, y, width, height],
            "area": width * height,
            "score": score,
        }
        for number, (image, x, y, width, height, score, label) in enumerate(found.tolist(), start=1)
    ]

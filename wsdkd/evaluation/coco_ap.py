"""COCO's average precision, by pycocotools."""

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from wsdkd.evaluation.truth import ImageObjects
from wsdkd.inference.detections import Detections


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
    with redirect_stdout(io.StringIO()):  # it prints its progress
        curves: dict[str, list[np.ndarray]] = {"precision": [], "recall": []}
        for label in range(num_classes):
            evaluation = _accumulated(flat, objects, label)
            for part, of_classes in curves.items():
                of_classes.append(evaluation.eval[part])
        evaluation.eval |= {part: np.concatenate(each, axis=-3) for part, each in curves.items()}
        evaluation.summarize()
    names = ("COCO_AP", "COCO_AP50", "COCO_AP75")
    return {name: 100 * float(value) for name, value in zip(names, evaluation.stats[:3], strict=True)}


def _flat(detections: Sequence[Detections]) -> np.ndarray:
    """Rows of pycocotools: image, x, y, width, height, score, class."""
    images = np.repeat(np.arange(len(detections)), [len(item.labels) for item in detections])
    boxes = np.concatenate([np.zeros((0, 4)), *(item.boxes for item in detections)])
    scores = np.concatenate([np.zeros(0), *(item.scores for item in detections)])
    labels = np.concatenate([np.zeros(0), *(item.labels for item in detections)])
    return np.column_stack([images, boxes[:, :2], boxes[:, 2:] - boxes[:, :2], scores, labels])


def _accumulated(flat: np.ndarray, objects: Sequence[ImageObjects], label: int) -> COCOeval:
    """Precision and recall of one class over all images."""
    found = flat[flat[:, -1] == label]
    annotations = _annotations(objects, label)
    images = sorted({int(image) for image in found[:, 0]} | {note["image_id"] for note in annotations})
    real = COCO()
    real.dataset = {
        "images": [{"id": image} for image in images],
        "categories": [{"id": label}],
        "annotations": annotations,
    }
    real.createIndex()
    evaluation = COCOeval(real, _results(real, found), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation


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


def _results(real: COCO, found: np.ndarray) -> COCO:
    if not len(found):
        empty = COCO()
        empty.dataset = {**real.dataset, "annotations": []}
        empty.createIndex()
        return empty
    return real.loadRes(found)

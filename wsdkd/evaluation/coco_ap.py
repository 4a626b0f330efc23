"""COCO's average precision, by pycocotools."""

import io
from collections.abc import Sequence
from contextlib import redirect_stdout

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
    with redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        real = COCO()
        real.dataset = {
            "images": [{"id": i} for i in range(len(objects))],
            "categories": [{"id": k} for k in range(num_classes)],
            "annotations": _annotations(objects),
        }
        real.createIndex()
        evaluation = COCOeval(real, _results(real, detections), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    names = ("COCO_AP", "COCO_AP50", "COCO_AP75")
    return {name: 100 * float(value) for name, value in zip(names, evaluation.stats[:3], strict=True)}


def _annotations(objects: Sequence[ImageObjects]) -> list[dict[str, object]]:
    annotations: list[dict[str, object]] = []
    for image, item in enumerate(objects):
        for (x1, y1, x2, y2), label, optional in zip(
            item.boxes.tolist(), item.labels.tolist(), item.optional.tolist(), strict=True
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


def _results(real: COCO, detections: Sequence[Detections]) -> COCO:
    images = np.repeat(np.arange(len(detections)), [len(item.labels) for item in detections])
    boxes = np.concatenate([np.zeros((0, 4)), *(item.boxes for item in detections)])
    columns = [
        images,
        boxes[:, 0],
        boxes[:, 1],
        boxes[:, 2] - boxes[:, 0],
        boxes[:, 3] - boxes[:, 1],
        np.concatenate([np.zeros(0), *(item.scores for item in detections)]),
        np.concatenate([np.zeros(0), *(item.labels for item in detections)]),
    ]
    if not len(images):
        empty = COCO()
        empty.dataset = {**real.dataset, "annotations": []}
        empty.createIndex()
        return empty
    return real.loadRes(np.column_stack(columns))

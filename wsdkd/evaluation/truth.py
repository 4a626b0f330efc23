"""Annotated objects, gathered by image."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from wsdkd.tables.objects import ObjectRow


@dataclass(frozen=True)
class ImageObjects:
    """Annotated objects of one image.

    Attributes:
        boxes: float64 (m, 4), (x1, y1, x2, y2) in pixels of the original image.
        labels: int64 (m,), places in ``classes.json``.
        optional: bool (m,), difficult objects and crowds: to find one is neither right nor wrong.
    """

    boxes: np.ndarray
    labels: np.ndarray
    optional: np.ndarray


def gather_objects(rows: Iterable[ObjectRow], image_ids: Sequence[str]) -> list[ImageObjects]:
    """Objects of each of ``image_ids``, in their order; rows of other images are passed over."""
    found: dict[str, list[ObjectRow]] = {image_id: [] for image_id in image_ids}
    for row in rows:
        if row.image_id in found:
            found[row.image_id].append(row)
    return [_arrays(found[image_id]) for image_id in image_ids]


def _arrays(rows: list[ObjectRow]) -> ImageObjects:
    boxes = np.array([(row.x1, row.y1, row.x2, row.y2) for row in rows], dtype=np.float64)
    return ImageObjects(
        boxes.reshape(-1, 4),
        np.array([row.label for row in rows], dtype=np.int64),
        np.array([row.difficult or row.crowd for row in rows], dtype=bool),
    )


def any_required(objects: Iterable[ImageObjects]) -> bool:
    """Whether there is an object to be found: one that is neither difficult nor a crowd."""
    return any((~item.optional).any() for item in objects)

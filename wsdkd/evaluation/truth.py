"""What is true of the images: their labels, and the annotated objects, gathered by image."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from wsdkd.data.annotations import ObjectRow
from wsdkd.ground.ids import IdIndex


@dataclass(frozen=True)
class Truth:
    """Image-level labels of N images.

    Attributes:
        labels: (N, K), 1 where a class is present.
        known: bool (N, K), False where the label is ignored.
    """

    labels: np.ndarray
    known: np.ndarray


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


_COLUMNS = np.dtype([("image", "i8"), ("box", "f4", 4), ("label", "i2"), ("optional", "?")])


class GatheredObjects(Sequence[ImageObjects]):
    """Objects of many images in flat arrays; those of an image become arrays of its own when asked for.

    Args:
        columns: of all objects, image after image.
        offsets: int64 (N + 1,); image i owns columns o[i] to o[i + 1].
    """

    def __init__(self, columns: np.ndarray, offsets: np.ndarray):
        self._columns, self._offsets = columns, offsets

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, place: int) -> ImageObjects: ...

    @overload
    def __getitem__(self, place: slice) -> list[ImageObjects]: ...

    def __getitem__(self, place: int | slice) -> ImageObjects | list[ImageObjects]:
        """The objects of an image, or of some."""
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        at = range(len(self))[place]
        rows = self._columns[self._offsets[at] : self._offsets[at + 1]]
        return ImageObjects(
            rows["box"].astype(np.float64), rows["label"].astype(np.int64), rows["optional"].copy()
        )


def gather_objects(rows: Iterable[ObjectRow], image_ids: Sequence[str]) -> GatheredObjects:
    """Objects of each of ``image_ids``, in their order; rows of other images are passed over."""
    index = IdIndex(image_ids)
    found = (
        (index.place(row.image_id), (row.x1, row.y1, row.x2, row.y2), row.label, row.difficult or row.crowd)
        for row in rows
        if row.image_id in index
    )
    columns = np.fromiter(found, dtype=_COLUMNS)
    columns = columns[np.argsort(columns["image"], kind="stable")]
    return GatheredObjects(columns, np.searchsorted(columns["image"], np.arange(len(image_ids) + 1)))


def any_required(objects: Iterable[ImageObjects]) -> bool:
    """Whether there is an object to be found: one that is neither difficult nor a crowd."""
    return any((~item.optional).any() for item in objects)

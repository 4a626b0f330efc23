"""The teacher's outputs on one view of an image: rows as a cache has them, and the values that they hold.

With ``cache.bits: 8`` logits and features take a byte a value. A row is the last axis of an array. Stored, it
is its low end and its step, in half precision, then a byte a value: how many steps above the low end. Each
row has its own, so that one large logit does not coarsen the rest of an image, and a row is read by itself.
Ends are rounded outwards, so that a value comes back within half of its row's step.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, Self, runtime_checkable

import numpy as np

from wsdkd.cache.format import CHOSEN_HEAD, HEAD, HEAD_BYTES

STEPS = 255


class CachedView(NamedTuple):
    """The teacher's outputs on one view of an image: n regions, c of them chosen, K classes, D features.

    Its fields are rows of the arrays of :mod:`wsdkd.cache.format`, as they are stored; what they hold is read
    from the properties. Logits and features of half precision stay so: whoever reads many views widens them
    together, which takes less time than to widen each. Of rows of bytes they are unpacked to float32, each
    time that they are asked for.
    """

    region_rows: np.ndarray
    logit_rows: np.ndarray
    chosen_rows: np.ndarray
    feature_rows: np.ndarray

    @classmethod
    def of(
        cls,
        boxes: np.ndarray,
        objectness: np.ndarray,
        class_logits: np.ndarray,
        detection_logits: np.ndarray,
        chosen: np.ndarray,
        confidence: np.ndarray,
        shares: np.ndarray,
        features: np.ndarray,
    ) -> Self:
        """A view that no cache holds; the arguments are what its properties will be."""
        return cls(
            np.column_stack([boxes, objectness]).astype(np.float32),
            np.stack([class_logits, detection_logits], axis=1),
            records(chosen, confidence, shares),
            features,
        )

    @property
    def class_logits(self) -> np.ndarray:
        """M^c, (n, K)."""
        return _values(self.logit_rows[:, 0])

    @property
    def detection_logits(self) -> np.ndarray:
        """M^d, (n, K)."""
        return _values(self.logit_rows[:, 1])

    @property
    def shares(self) -> np.ndarray:
        """Of the chosen regions, (c, K): :func:`wsdkd.support.region_shares` by the cache's ranking."""
        return _values(self.chosen_rows["shares"])

    @property
    def boxes(self) -> np.ndarray:
        """float32 (n, 4), (x1, y1, x2, y2) in pixels of the unmirrored original, in either view."""
        return self.region_rows[:, :4]

    @property
    def objectness(self) -> np.ndarray:
        """float32 (n,)."""
        return self.region_rows[:, 4]

    @property
    def chosen(self) -> np.ndarray:
        """int32 (c,), the regions that have features, most confident first."""
        chosen: np.ndarray = self.chosen_rows["region"]
        return chosen

    @property
    def confidence(self) -> np.ndarray:
        """float32 (c,), the teacher's confidence in the chosen regions."""
        confidence: np.ndarray = self.chosen_rows["confidence"]
        return confidence

    @property
    def features(self) -> np.ndarray:
        """(c, D)."""
        return _values(self.feature_rows)


class TeacherViews(Protocol):
    """What a student's training asks of a teacher: a cache, or whatever stands in for one."""

    @property
    def classes(self) -> Sequence[str]:
        """Names of the K classes."""

    def view(self, image_id: str, mirrored: bool) -> CachedView:
        """The teacher's outputs on an image or on its mirror image."""


@runtime_checkable
class KeptTeacher(TeacherViews, Protocol):
    """What stands in the folder of the cache: a teacher's outputs, or the teacher itself."""

    @property
    def feature_dim(self) -> int:
        """D, the width of the features."""


def records(regions: np.ndarray, confidence: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Rows of ``chosen``, (c,), of regions and confidences (c,), and of shares (c, w) as they are stored."""
    kind = np.dtype([*CHOSEN_HEAD.descr, ("shares", shares.dtype, shares.shape[1:])])
    rows = np.empty(len(regions), kind)
    rows["region"], rows["confidence"], rows["shares"] = regions, confidence, shares
    return rows


def _values(rows: np.ndarray) -> np.ndarray:
    # No array has bytes but a packed one.
    return unpack_rows(rows) if rows.dtype == np.uint8 else rows


def pack_rows(values: np.ndarray) -> np.ndarray:
    """Rows as bytes.

    Args:
        values: (..., w), finite, within half precision.

    Returns:
        uint8 (..., HEAD_BYTES + w).
    """
    values = values.astype(np.float32)
    low = _rounded_down(values.min(axis=-1, keepdims=True))
    reach = values.max(axis=-1, keepdims=True) - low.astype(np.float32)
    step = -_rounded_down(-reach / STEPS)
    # Of a row whose values are all alike the step is 0, and so is every count.
    size = np.where(step > 0, step, 1).astype(np.float32)
    counts = np.rint((values - low.astype(np.float32)) / size)
    head = np.concatenate([low, step], axis=-1).view(np.uint8)
    return np.concatenate([head, counts.clip(0, STEPS).astype(np.uint8)], axis=-1)


def unpack_rows(rows: np.ndarray) -> np.ndarray:
    """The values of :func:`pack_rows`: uint8 (..., HEAD_BYTES + w) -> float32 (..., w)."""
    head = np.ascontiguousarray(rows[..., :HEAD_BYTES]).view(HEAD).astype(np.float32)
    result: np.ndarray = rows[..., HEAD_BYTES:] * head[..., 1:] + head[..., :1]
    return result


def _rounded_down(values: np.ndarray) -> np.ndarray:
    half = values.astype(HEAD)
    above = half.astype(np.float32) > values
    half[above] = np.nextafter(half[above], HEAD.type(-np.inf))
    return half

"""Rows of numbers in a byte each: logits and features of a cache with ``cache.bits: 8``.

A row is the last axis of an array. Stored, it is its low end and its step, in half precision, then a byte a
value: how many steps above the low end. Each row has its own, so that one large logit does not coarsen the
rest of an image, and a row is read by itself. Ends are rounded outwards, so that a value comes back within
half of its row's step.
"""

import numpy as np

HEAD = np.dtype("<f2")
HEAD_BYTES = 2 * HEAD.itemsize
STEPS = 255


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

"""Boxes and their frames.

A box is (x1, y1, x2, y2): its left, top, right and bottom edges in continuous pixel coordinates,
so that its width is x2 - x1 and a whole image of W x H pixels is (0, 0, W, H). Arrays are (N, 4).
The functions keep to operators that NumPy arrays and torch tensors share, so both may be given
where the type says ``Array``.
"""

from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float, Real

Array = TypeVar("Array", bound=Any)
"""numpy.ndarray or torch.Tensor, which is not imported here: data are prepared without torch."""
Pixels = int | float
"""A length in pixels."""

# The EXIF orientations whose upright picture runs against a stored axis.
MIRRORED_X = (2, 3, 7, 8)
MIRRORED_Y = (3, 4, 6, 7)


def rescale(
    boxes: Real[Array, "boxes 4"], width: Pixels, height: Pixels, new_width: Pixels, new_height: Pixels
) -> Float[Array, "boxes 4"]:
    """Carry boxes from the frame of a width x height image to that of its resized copy."""
    scaled = boxes * 1.0
    scaled[:, 0::2] *= new_width / width
    scaled[:, 1::2] *= new_height / height
    return scaled


def mirror(boxes: Real[Array, "boxes 4"], width: Pixels) -> Float[Array, "boxes 4"]:
    """Boxes of the left-right mirrored image of the given width; its own inverse."""
    mirrored = boxes * 1.0
    mirrored[:, 0] = width - boxes[:, 2]
    mirrored[:, 2] = width - boxes[:, 0]
    return mirrored


def to_input(
    boxes: Real[Array, "boxes 4"], width: Pixels, height: Pixels, size: int, mirrored: bool
) -> Float[Array, "boxes 4"]:
    """Carry boxes from a width x height image to its square copy of ``size`` pixels, mirrored or not."""
    carried = rescale(boxes, width, height, size, size)
    return mirror(carried, size) if mirrored else carried


def clip(boxes: Real[np.ndarray, "boxes 4"], width: Pixels, height: Pixels) -> Real[np.ndarray, "boxes 4"]:
    """The part of each box inside a width x height image; may be empty."""
    limits = np.array([width, height, width, height], dtype=boxes.dtype)
    return np.clip(boxes, 0, limits)


def area(boxes: Real[np.ndarray, "boxes 4"]) -> Real[np.ndarray, " boxes"]:
    """Area of each box in square pixels, (N,); an inverted box has none."""
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    result: np.ndarray = sides[:, 0] * sides[:, 1]
    return result


def intersections(
    first: Real[np.ndarray, "first 4"], second: Real[np.ndarray, "second 4"]
) -> Real[np.ndarray, "first second"]:
    """Area that each box of ``first`` (N, 4) has in common with each of ``second`` (M, 4): (N, M)."""
    top_left = np.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    sides = np.clip(bottom_right - top_left, 0, None)
    result: np.ndarray = sides[..., 0] * sides[..., 1]
    return result


def pairwise_iou(
    first: Float[np.ndarray, "first 4"], second: Float[np.ndarray, "second 4"]
) -> Float[np.ndarray, "first second"]:
    """Intersection over union of each box of ``first`` (N, 4) with each of ``second`` (M, 4): (N, M).

    Two empty boxes have an IoU of 0.
    """
    intersection = intersections(first, second)
    union = area(first)[:, None] + area(second)[None, :] - intersection
    return np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)


def turn_upright(
    boxes: Real[np.ndarray, "boxes 4"], orientation: int, width: Pixels, height: Pixels
) -> Real[np.ndarray, "boxes 4"]:
    """Carry boxes from a picture as stored, width x height, to the upright one.

    Args:
        boxes: (N, 4), in pixels of the stored picture.
        orientation: EXIF orientation, 1 to 8; from 5 on the sides change places.
        width: of the stored picture.
        height: of the stored picture.

    Returns:
        (N, 4), in pixels of the picture that :func:`wsdkd.data.images.decode` gives.
    """
    x1, y1, x2, y2 = boxes.T
    if orientation in MIRRORED_X:
        x1, x2 = width - x2, width - x1
    if orientation in MIRRORED_Y:
        y1, y2 = height - y2, height - y1
    return np.stack([y1, x1, y2, x2] if orientation >= 5 else [x1, y1, x2, y2], axis=1)

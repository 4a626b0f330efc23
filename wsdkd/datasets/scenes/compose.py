"""Scenes: several textured, rotated, overlapping objects on a textured ground, among distractors."""

from dataclasses import dataclass

import cv2
import numpy as np

from wsdkd.datasets.scenes.shapes import CLASSES, SHAPES, Part, Rng, colour, noise, paint, pattern

MIN_SIDE = 0.06
"""An object's longer side, at least, as a share of the image's."""
MIN_VISIBLE = 0.6
"""Share of an object's pixels that later objects and the frame must leave."""
THEMES, THEME_SHARE = 5, 0.75
"""Groups of classes, and the share of a scene's objects that come from its own."""
NUMBERS = (0.12, 0.2, 0.24, 0.2, 0.14, 0.1)
"""Chances of one object in a scene, of two, and so on."""
SUPERSAMPLING = 4


@dataclass(frozen=True)
class SceneObject:
    """A drawn object: place in CLASSES and box (x1, y1, x2, y2) in pixels, around its whole outline."""

    label: int
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Scene:
    """A picture, uint8 RGB (size, size, 3), and its objects from back to front."""

    picture: np.ndarray
    objects: tuple[SceneObject, ...]


def draw_scene(rng: Rng, size: int, max_side: float) -> Scene:
    """Draw one scene of size x size pixels with one to six objects.

    Args:
        rng: its random stream.
        size: in pixels.
        max_side: an object's longer side, at most, as a share of ``size``.
    """
    canvas = draw_ground(rng, size)
    laid = lay_objects(rng, canvas, max_side)
    objects = tuple(SceneObject(label, bounds(mask)) for label, mask in laid)
    return Scene(canvas.clip(0, 255).astype(np.uint8), objects)


def draw_ground(rng: Rng, size: int) -> np.ndarray:
    """A textured ground with distractors: float32 (size, size, 3), RGB, some of it beyond [0, 255]."""
    canvas = paint(_texture(rng, size), colour(rng), colour(rng), rng, grain=float(rng.uniform(2, 10)))
    for _ in range(int(rng.integers(3, 9))):
        _lay(rng, canvas, _distractor(rng, size))
    return canvas


def lay_objects(rng: Rng, canvas: np.ndarray, max_side: float) -> list[tuple[int, np.ndarray]]:
    """Lay objects on a canvas, (size, size, 3).

    Args:
        rng: their random stream.
        canvas: painted over.
        max_side: an object's longer side, at most, as a share of ``size``.

    Returns:
        The place in CLASSES and the mask, float32 (size, size) in [0, 1], of each object, from back to
        front; a mask is the object's whole outline within the frame, whatever lies before it.
    """
    weights = class_weights()[rng.integers(THEMES)]
    laid: list[tuple[int, np.ndarray]] = []
    visible: list[np.ndarray] = []
    for _ in range(int(rng.choice(len(NUMBERS), p=NUMBERS)) + 1):
        label = int(rng.choice(len(CLASSES), p=weights))
        mask = _place(rng, SHAPES[CLASSES[label]], len(canvas), max_side, visible)
        if mask is None:
            continue
        for other in visible:
            other *= 1 - mask
        visible.append(mask.copy())
        _lay(rng, canvas, mask)
        laid.append((label, mask))
    return laid


def class_weights() -> np.ndarray:
    """Chance of each class within each theme, (THEMES, K).

    A theme favours some classes, so that classes occur together; within and across themes some
    are about four times as frequent as others, as in real datasets.
    """
    places = np.arange(len(CLASSES))
    frequency = 1.0 / (1 + places[::-1] * 3 / (len(CLASSES) - 1))
    weights = np.stack([np.where(places % THEMES == theme, THEME_SHARE, 0.0) for theme in range(THEMES)])
    weights += (1 - THEME_SHARE) / THEMES
    weights *= frequency[None]
    return weights / weights.sum(axis=1, keepdims=True)


def bounds(mask: np.ndarray) -> tuple[float, float, float, float]:
    """The box (x1, y1, x2, y2), in pixels, of a mask's pixels that are more than half covered."""
    columns = np.flatnonzero(mask.max(axis=0) > 0.5)
    rows = np.flatnonzero(mask.max(axis=1) > 0.5)
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _texture(rng: Rng, size: int) -> np.ndarray:
    share = 0.6 * pattern(rng, size, size) + 0.4 * noise(rng, size, size, int(rng.integers(3, 20)))
    return share * np.float32(rng.uniform(0.3, 0.9))


def _lay(rng: Rng, canvas: np.ndarray, mask: np.ndarray) -> None:
    # Paint only the window that the mask covers: most objects are a small part of the picture.
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = mask[window].shape
    # A fill far enough from the picture's mean colour that an outline can be seen.
    mean = canvas[::4, ::4].mean(axis=(0, 1))
    first = max((colour(rng) for _ in range(3)), key=lambda tried: float(np.abs(tried - mean).sum()))
    share = pattern(rng, height, width) * np.float32(rng.uniform(0.0, 0.5))
    fill = paint(share, first, colour(rng), rng, grain=float(rng.uniform(1, 8)))
    canvas[window] += mask[window][..., None] * (fill - canvas[window])


def _place(
    rng: Rng, shape: list[Part], size: int, max_side: float, visible: list[np.ndarray]
) -> np.ndarray | None:
    # Where ten tries leave too little of this object or of an earlier one in sight, it is left out.
    for _ in range(10):
        side = size * MIN_SIDE * (max_side / MIN_SIDE) ** rng.random()
        whole, mask = _rasterise(rng, shape, size, side)
        if mask.sum() < MIN_VISIBLE * whole or mask.max() <= 0.5:  # a thin shape may fill no pixel
            continue
        if all((other * (1 - mask)).sum() >= MIN_VISIBLE * other.sum() for other in visible):
            return mask
    return None


def _rasterise(rng: Rng, shape: list[Part], size: int, side: float) -> tuple[float, np.ndarray]:
    # The shape's whole area in pixels, and its mask in the image, (size, size) in [0, 1].
    angle = rng.uniform(-np.pi, np.pi) if rng.random() < 0.3 else rng.uniform(-0.6, 0.6)
    squeeze = rng.uniform(0.8, 1.0)
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]]) @ np.diag([squeeze, 1.0])
    outlines = [part.outline @ turn.T for part in shape]
    every = np.concatenate([each for each, part in zip(outlines, shape, strict=True) if part.solid])
    low, high = every.min(axis=0), every.max(axis=0)
    scale = side / float((high - low).max())
    centre = rng.uniform(0.3 * side, size - 0.3 * side, 2)
    corner = np.floor(centre - side / 2 - 2)
    window = int(np.ceil(side)) + 5
    fine = np.zeros((window * SUPERSAMPLING, window * SUPERSAMPLING), np.uint8)
    for part, outline in zip(shape, outlines, strict=True):
        points = ((outline - (low + high) / 2) * scale + centre - corner) * SUPERSAMPLING
        cv2.fillPoly(fine, [np.round(points * 16).astype(np.int32)], int(part.solid), shift=4)
    patch = cv2.resize(fine.astype(np.float32), (window, window), interpolation=cv2.INTER_AREA)
    mask = np.zeros((size, size), np.float32)
    x, y = int(corner[0]), int(corner[1])
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + window, size), min(y + window, size)
    mask[top:bottom, left:right] = patch[top - y : bottom - y, left - x : right - x]
    return float(patch.sum()), mask


def _distractor(rng: Rng, size: int) -> np.ndarray:
    # A ragged blob or a line: edges and colours of an object, the outline of none.
    mask = np.zeros((size, size), np.uint8)
    if rng.random() < 0.5:
        points = rng.uniform(-0.1, 1.1, (2, 2)) * size
        ends = [tuple(int(v) for v in point) for point in points]
        cv2.line(mask, ends[0], ends[1], 255, int(rng.integers(1, max(2, size // 40) + 1)), cv2.LINE_AA)
    else:
        corners = int(rng.integers(5, 9))
        angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
        radius = rng.uniform(0.4, 1.0, corners) * size * rng.uniform(0.03, 0.15)
        outline = rng.uniform(0, size, 2) + np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
        cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    result: np.ndarray = mask.astype(np.float32) / 255
    return result

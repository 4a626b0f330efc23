"""What scenes are made of: the outlines of twenty kinds of object, and textures to fill them with.

A shape is a list of parts in the unit frame, x right, y down, both in [-1, 1], drawn in order; a part is an
outline (n, 2) that is filled, or cut out of what was drawn before. A texture mixes two colours by smooth
noise, stripes, checks, dots or a gradient.
"""

from dataclasses import dataclass

import cv2
import numpy as np

Rng = np.random.Generator


@dataclass(frozen=True)
class Part:
    """A closed outline (n, 2) in the unit frame; ``solid`` fills it, otherwise it is a hole."""

    outline: np.ndarray
    solid: bool = True


def _polygon(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, dtype=np.float64)


def _ellipse(cx: float, cy: float, rx: float, ry: float, points: int = 40) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.stack([cx + rx * np.cos(angle), cy + ry * np.sin(angle)], axis=1)


def _polar(radius: np.ndarray) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, len(radius), endpoint=False) - np.pi / 2
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _rectangle(x1: float, y1: float, x2: float, y2: float) -> np.ndarray:
    return _polygon((x1, y1), (x2, y1), (x2, y2), (x1, y2))


def _heart() -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    return np.stack([x, y - 2], axis=1) / 16


def _gear(teeth: int = 8) -> np.ndarray:
    return _polar(np.tile([1.0, 1.0, 0.7, 0.7], teeth))


SHAPES: dict[str, list[Part]] = {
    "arrow": [
        Part(_polygon((0, -1), (0.8, -0.1), (0.3, -0.1), (0.3, 1), (-0.3, 1), (-0.3, -0.1), (-0.8, -0.1)))
    ],
    "bolt": [Part(_polygon((0.25, -1), (-0.6, 0.15), (-0.05, 0.15), (-0.3, 1), (0.6, -0.25), (0.05, -0.25)))],
    "butterfly": [
        Part(_ellipse(-0.5, -0.4, 0.5, 0.5)),
        Part(_ellipse(0.5, -0.4, 0.5, 0.5)),
        Part(_ellipse(-0.4, 0.5, 0.35, 0.4)),
        Part(_ellipse(0.4, 0.5, 0.35, 0.4)),
        Part(_ellipse(0, 0, 0.12, 0.95)),
    ],
    "clover": [
        Part(_ellipse(0, -0.5, 0.45, 0.45)),
        Part(_ellipse(-0.5, 0.1, 0.45, 0.45)),
        Part(_ellipse(0.5, 0.1, 0.45, 0.45)),
        Part(_polygon((-0.1, -0.1), (0.1, -0.1), (0.25, 1), (-0.25, 1))),
    ],
    "crescent": [Part(_ellipse(0, 0, 1, 1)), Part(_ellipse(0.45, 0, 0.8, 0.8), solid=False)],
    "cross": [Part(_rectangle(-0.32, -1, 0.32, 1)), Part(_rectangle(-1, -0.32, 1, 0.32))],
    "cup": [
        Part(_ellipse(0.6, -0.05, 0.4, 0.4)),
        Part(_ellipse(0.6, -0.05, 0.2, 0.2), solid=False),
        Part(_polygon((-0.9, -0.8), (0.6, -0.8), (0.4, 0.8), (-0.7, 0.8))),
    ],
    "drop": [Part(_polygon((0, -1), (0.62, 0.2), (-0.62, 0.2))), Part(_ellipse(0, 0.33, 0.65, 0.65))],
    "fish": [
        Part(_ellipse(-0.25, 0, 0.75, 0.5)),
        Part(_polygon((0.25, 0), (1, -0.6), (1, 0.6))),
        Part(_ellipse(-0.6, -0.12, 0.1, 0.1), solid=False),
    ],
    "flag": [
        Part(_rectangle(-0.7, -1, -0.5, 1)),
        Part(_polygon((-0.5, -1), (0.9, -0.75), (0.5, -0.4), (0.9, 0), (-0.5, 0.1))),
    ],
    "gear": [Part(_gear()), Part(_ellipse(0, 0, 0.35, 0.35), solid=False)],
    "heart": [Part(_heart())],
    "hourglass": [Part(_polygon((-0.75, -1), (0.75, -1), (0.1, 0), (0.75, 1), (-0.75, 1), (-0.1, 0)))],
    "house": [
        Part(_polygon((0, -1), (1, -0.15), (-1, -0.15))),
        Part(_rectangle(-0.75, -0.15, 0.75, 0.95)),
        Part(_rectangle(-0.2, 0.3, 0.2, 0.95), solid=False),
    ],
    "key": [
        Part(_ellipse(0, -0.6, 0.42, 0.42)),
        Part(_ellipse(0, -0.6, 0.2, 0.2), solid=False),
        Part(_rectangle(-0.12, -0.2, 0.12, 1)),
        Part(_rectangle(0.1, 0.45, 0.5, 0.62)),
        Part(_rectangle(0.1, 0.8, 0.5, 1)),
    ],
    "mushroom": [
        Part(np.concatenate([_ellipse(0, 0, 1, 0.9)[20:], _polygon((1, 0.05), (-1, 0.05))])),
        Part(_polygon((-0.25, 0), (0.25, 0), (0.35, 0.95), (-0.35, 0.95))),
    ],
    "ring": [Part(_ellipse(0, 0, 1, 1)), Part(_ellipse(0, 0, 0.6, 0.6), solid=False)],
    "star": [Part(_polar(np.tile([1.0, 0.42], 5)))],
    "tree": [
        Part(_polygon((0, -1), (0.55, -0.3), (-0.55, -0.3))),
        Part(_polygon((0, -0.6), (0.8, 0.5), (-0.8, 0.5))),
        Part(_rectangle(-0.15, 0.5, 0.15, 1)),
    ],
    "triangle": [Part(_polygon((0, -0.9), (1, 0.85), (-1, 0.85)))],
}

CLASSES = tuple(sorted(SHAPES))


def noise(rng: Rng, height: int, width: int, cells: int) -> np.ndarray:
    """Smooth noise in [0, 1], float32 (height, width), about ``cells`` blobs along a side."""
    coarse = rng.random((cells + 1, cells + 1), dtype=np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1)


def pattern(rng: Rng, height: int, width: int) -> np.ndarray:
    """One random texture as the share of a second colour: float32 (height, width) in [0, 1]."""
    kind = rng.integers(5)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    if kind == 0:
        return noise(rng, height, width, int(rng.integers(2, 12)))
    angle = rng.random() * np.pi
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    along, across = cos * x + sin * y, cos * y - sin * x
    period = np.float32(rng.uniform(0.08, 0.35)) * max(height, width)
    if kind == 1:  # stripes
        return 0.5 + 0.5 * np.sin(2 * np.pi * along / period)
    if kind == 2:  # checks
        return 0.5 + 0.5 * np.sign(np.sin(np.pi * along / period) * np.sin(np.pi * across / period))
    if kind == 3:  # dots
        wave = np.cos(2 * np.pi * along / period) + np.cos(2 * np.pi * across / period)
        return np.clip(2 * wave - 1, 0, 1)
    low, high = along.min(), along.max()  # a gradient
    return (along - low) / max(float(high - low), 1e-6)


def paint(share: np.ndarray, first: np.ndarray, second: np.ndarray, rng: Rng, grain: float) -> np.ndarray:
    """Mix two RGB colours (3,) in [0, 255] by ``share`` (H, W) and add grain: float32 (H, W, 3)."""
    mixed = first + share[..., None] * (second - first)
    speckle = rng.standard_normal(share.shape, dtype=np.float32) * np.float32(grain)
    return mixed + speckle[..., None]


def colour(rng: Rng) -> np.ndarray:
    """A random RGB colour, float32 (3,) in [0, 255]."""
    return rng.uniform(20, 235, 3).astype(np.float32)

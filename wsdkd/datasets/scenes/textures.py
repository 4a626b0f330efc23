"""Grounds and fills: smooth noise, stripes, dots and gradients between two colours."""

import cv2
import numpy as np

Rng = np.random.Generator


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

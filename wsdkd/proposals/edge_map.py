"""Edges of a picture: how strong they are and which way they run."""

from dataclasses import dataclass

import cv2
import numpy as np

# Scharr's kernel sums to 16 on each side, two pixels apart: so scaled, a step from black to white is 1.
SCHARR_SCALE = 1 / (16 * 255)


@dataclass(frozen=True)
class EdgeMap:
    """Edges of one picture of H x W pixels.

    Attributes:
        magnitude: float32 (H, W) in [0, 1], thinned to lines of about one pixel; 0 off the edges.
        orientation: float32 (H, W) in [0, pi), angle of the edge's normal in radians, y pointing down.
    """

    magnitude: np.ndarray
    orientation: np.ndarray


def colour_gradient(picture: np.ndarray, blur: float) -> tuple[np.ndarray, np.ndarray]:
    """Horizontal and vertical derivative of an RGB picture, each pixel in its steepest channel.

    Channels are kept apart because objects of the same brightness as their ground vanish in grey.

    Args:
        picture: uint8 (H, W, 3).
        blur: standard deviation of the Gaussian that goes before, in pixels; 0 for none.

    Returns:
        Two float32 (H, W); a step from black to white is 1 before blurring.
    """
    smooth: np.ndarray = picture.astype(np.float32)
    if blur > 0:
        smooth = cv2.GaussianBlur(smooth, (0, 0), blur)
    steepest = np.full(picture.shape[:2], -1, np.float32)
    along_x, along_y = np.zeros_like(steepest), np.zeros_like(steepest)
    for channel in cv2.split(smooth):
        x = cv2.Scharr(channel, cv2.CV_32F, 1, 0, scale=SCHARR_SCALE)
        y = cv2.Scharr(channel, cv2.CV_32F, 0, 1, scale=SCHARR_SCALE)
        squared = x * x + y * y
        steeper = (squared > steepest).view(np.uint8)
        for kept, new in ((steepest, squared), (along_x, x), (along_y, y)):
            cv2.copyTo(new, steeper, kept)
    return along_x, along_y


def steepness(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Length of the gradient (x, y), each float32 (H, W).

    In NumPy, as the last bit of ``cv2.magnitude`` hangs on where in memory an array happens to lie:
    a tie would then be broken otherwise in another process.
    """
    result: np.ndarray = np.sqrt(x * x + y * y)
    return result


def gradient_edges(picture: np.ndarray, blur: float) -> EdgeMap:
    """Edges where the colour gradient has a ridge, relative to the picture's strongest edge.

    It stands in for the learned edges of the EdgeBoxes paper, whose model has to be fetched.

    Args:
        picture: uint8 RGB (H, W, 3).
        blur: see :func:`colour_gradient`.
    """
    x, y = colour_gradient(picture, blur)
    magnitude = steepness(x, y)
    edges = thin(magnitude, x, y)
    strongest = float(edges.max(initial=0))
    # Less than one of 256 steps is a picture of one colour: nothing to make relative.
    edges = edges / strongest if strongest > 1 / 256 else np.zeros_like(edges)
    orientation = np.zeros_like(edges)
    there = edges > 0
    orientation[there] = half_turn(np.arctan2(y[there], x[there]))
    return EdgeMap(edges, orientation)


def thin(magnitude: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Non-maximum suppression: zero wherever a neighbour along the gradient (x, y) is stronger.

    The neighbours lie one pixel away to either side, between pixels, and are interpolated.
    Arrays are float32 (H, W); so is the result.
    """
    height, width = magnitude.shape
    length = np.maximum(magnitude, 1e-9)
    step_x, step_y = x / length, y / length
    column = np.arange(width, dtype=np.float32)[None, :]
    row = np.arange(height, dtype=np.float32)[:, None]
    ahead = _sample(magnitude, column + step_x, row + step_y)
    behind = _sample(magnitude, column - step_x, row - step_y)
    # Strict on one side alone, so that of two equal neighbours exactly one stays.
    return np.where((magnitude >= ahead) & (magnitude > behind), magnitude, np.float32(0))


def _sample(values: np.ndarray, column: np.ndarray, row: np.ndarray) -> np.ndarray:
    result: np.ndarray = cv2.remap(values, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return result


def half_turn(angle: np.ndarray) -> np.ndarray:
    """Angles in radians carried to [0, pi), float32: an edge has no front and back."""
    # A negative angle just below zero would round up to pi itself.
    turned = np.mod(angle, np.float32(np.pi))
    return np.where(turned >= np.float32(np.pi), np.float32(0), turned).astype(np.float32)

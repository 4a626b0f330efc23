"""EdgeBoxes: a box scores by the contours that lie whole within it (Zitnick and Dollar, ECCV 2014).

First the edges of a picture, how strong they are and which way they run: by its gradients, or learned ones
by OpenCV's structured forests (Dollar and Zitnick, ICCV 2013) where a model is at hand. Then OpenCV's search
over them.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from wsdkd.ground.errors import UserError
from wsdkd.proposals.params import EdgeBoxesProposals

SCHARR_SCALE = 1 / (16 * 255)
"""Scharr's kernel sums to 16 on each side, two pixels apart: so scaled, a step from black to white is 1."""
MODEL_OPTIONS = (
    "stride",
    "shrinkNumber",
    "patchSize",
    "patchInnerSize",
    "numberOfTrees",
    "numberOfTreesToEvaluate",
)
MODEL_TREES = ("childs", "featureIds", "thresholds", "edgeBoundaries", "edgeBins")
"""What a file of OpenCV's structured edge model holds: these options, and these lists."""


class EdgeModelError(UserError):
    """A file is not a structured edge model."""


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
    there = np.flatnonzero(edges)
    orientation.ravel()[there] = half_turn(np.arctan2(y.ravel()[there], x.ravel()[there]))
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
    """Angles in radians, float32 from -pi to pi, carried to [0, pi): an edge has no front and back."""
    turned: np.ndarray = np.where(angle < 0, angle + np.float32(np.pi), angle)
    # A negative angle just below zero is rounded up to pi itself.
    turned[turned >= np.float32(np.pi)] = 0
    turned += np.float32(0)  # of a negative zero it makes zero
    return turned


def structured_edges(picture: np.ndarray, detector: Any) -> EdgeMap:
    """Edges of an RGB picture, uint8 (H, W, 3), by a detector of :func:`load_edge_model`."""
    thick = detector.detectEdges(picture.astype(np.float32) / 255)
    orientation = detector.computeOrientation(thick)
    return EdgeMap(detector.edgesNms(thick, orientation, isParallel=False), half_turn(orientation))


def check_edge_model(path: str) -> None:
    """Refuse what OpenCV would not: given another YAML file it divides by zero and takes the process along.

    Raises:
        EdgeModelError: there is no such file, or it lacks a part of a model.
    """
    field = f"proposals.structured_edge_model: {path}"
    if not Path(path).is_file():
        raise EdgeModelError(f"{field}: no such file")
    try:
        storage = cv2.FileStorage(path, cv2.FILE_STORAGE_READ)
    except (cv2.error, SystemError):
        raise EdgeModelError(f"{field}: not a structured edge model: not YAML, XML or JSON") from None
    if not storage.isOpened():
        raise EdgeModelError(f"{field}: not a structured edge model: not YAML, XML or JSON")
    options = storage.getNode("options")
    lacking = (
        [name for name in MODEL_OPTIONS if not _above_zero(options.getNode(name))]
        if options.isMap()
        else ["options"]
    )
    lacking += [name for name in MODEL_TREES if not storage.getNode(name).isSeq()]
    storage.release()
    if lacking:
        raise EdgeModelError(f"{field}: not a structured edge model: it has no {lacking[0]}")


@lru_cache(maxsize=1)  # reading takes a second: once a process
def load_edge_model(path: str) -> Any:
    """OpenCV's detector from a file that :func:`check_edge_model` has passed."""
    return cv2.ximgproc.createStructuredEdgeDetection(path)


def _above_zero(node: Any) -> bool:
    return not node.empty() and (node.isInt() or node.isReal()) and node.real() > 0


def opencv_boxes(edges: EdgeMap, params: EdgeBoxesProposals) -> tuple[np.ndarray, np.ndarray]:
    """What OpenCV's search itself gives: boxes (n, 4) as x, y, width, height in its own frame, and scores."""
    # A search object keeps growing its tables from image to image, so each image gets a new one.
    search = cv2.ximgproc.createEdgeBoxes(
        alpha=params.alpha,
        beta=params.beta,
        maxBoxes=params.max_boxes,
        edgeMinMag=params.min_edge,
        maxAspectRatio=params.max_aspect,
        minBoxArea=params.min_area,
        gamma=params.gamma,
        kappa=params.kappa,
    )
    found, scored = search.getBoundingBoxes(edges.magnitude, edges.orientation)
    boxes = np.asarray(found, dtype=np.float64).reshape(-1, 4)
    return boxes, np.asarray(scored, dtype=np.float64).reshape(-1)


def edge_boxes(edges: EdgeMap, params: EdgeBoxesProposals) -> tuple[np.ndarray, np.ndarray]:
    """Search boxes over an edge map.

    Returns:
        Boxes float64 (n, 4), (x1, y1, x2, y2) edges in pixels of the edge map, and their EdgeBoxes
        scores float64 (n,), above 0, best first; both empty where there is nothing to find.
    """
    corners, scores = opencv_boxes(edges, params)
    # OpenCV gives the first pixel counted from 1, and last less first as the width.
    first, last = corners[:, :2] - 1, corners[:, :2] - 1 + corners[:, 2:]
    # A contour counts for a window that it does not touch, blurred as it is, so the object itself
    # is smaller: measured on drawn scenes, this brings a fifth more boxes to an IoU of 0.7.
    boxes = np.concatenate([first + params.inset, last + 1 - params.inset], axis=1)
    usable = np.isfinite(scores) & (scores > 0) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    boxes, scores = boxes[usable], scores[usable]
    order = np.argsort(-scores, kind="stable")
    return boxes[order], scores[order]

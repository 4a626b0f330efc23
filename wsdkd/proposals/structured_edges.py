"""Learned edges by OpenCV's structured forests (Dollar and Zitnick, ICCV 2013), where a model is at hand."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from wsdkd.errors import UserError
from wsdkd.proposals.edge_map import EdgeMap, half_turn

OPTIONS = (
    "stride",
    "shrinkNumber",
    "patchSize",
    "patchInnerSize",
    "numberOfTrees",
    "numberOfTreesToEvaluate",
)
TREES = ("childs", "featureIds", "thresholds", "edgeBoundaries", "edgeBins")


class EdgeModelError(UserError):
    """A file is not a structured edge model."""


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
        [name for name in OPTIONS if not _above_zero(options.getNode(name))]
        if options.isMap()
        else ["options"]
    )
    lacking += [name for name in TREES if not storage.getNode(name).isSeq()]
    storage.release()
    if lacking:
        raise EdgeModelError(f"{field}: not a structured edge model: it has no {lacking[0]}")


@lru_cache(maxsize=1)  # reading takes a second: once a process
def load_edge_model(path: str) -> Any:
    """OpenCV's detector from a file that :func:`check_edge_model` has passed."""
    return cv2.ximgproc.createStructuredEdgeDetection(path)


def _above_zero(node: Any) -> bool:
    return not node.empty() and (node.isInt() or node.isReal()) and node.real() > 0

"""Boxes and scores computed elsewhere, from Parquet, NumPy and MATLAB files; never from a pickle.

What a file of N images with R boxes in all holds:

========  ============================  =====================================================
Ending    Field                         Content
========  ============================  =====================================================
.parquet  ``image_id``                  a row an image: text or a whole number
          ``boxes``                     list of lists of four numbers
          ``scores``                    list of numbers
.npz      ``image_ids``                 (N,) text or whole numbers
          ``counts``                    (N,) whole numbers, boxes of each image; they sum to R
          ``boxes``                     (R, 4) numbers, image after image
          ``scores``                    (R,) numbers
.mat      ``images``                    cell array of N texts
          ``boxes``                     cell array of N matrices (n, 4)
          ``boxScores`` or ``scores``   cell array of N columns (n, 1)
========  ============================  =====================================================

An image goes by its id, by its path, or by the name of its file with or without the ending. Parquet
shards that the stage ``propose`` wrote are such files. MATLAB's of version 7.3 and before are read.
"""

from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np

from wsdkd.data.tables import ImageRow
from wsdkd.ground.ids import IdIndex
from wsdkd.proposals.files import Columns, FileError, read_mat, read_npz, read_parquet
from wsdkd.proposals.stored import Proposals

Order = Literal["xyxy", "yxyx", "xywh"]
Coordinates = Literal["edges", "pixels_from_0", "pixels_from_1"]

READERS = {".parquet": read_parquet, ".npz": read_npz, ".mat": read_mat}


def read_file(path: Path, order: Order = "xyxy", coordinates: Coordinates = "edges") -> Proposals:
    """Read and check a file of proposals, and carry its boxes to the frame of :mod:`wsdkd.data.boxes`.

    Args:
        path: its ending tells the format.
        order: what the four numbers of a box are.
        coordinates: edges of the box in continuous pixels, or its first and last pixel, counted from 0
            or 1; with ``xywh`` its first pixel and how many pixels it has.

    Returns:
        Proposals by the names that images have in the file, boxes of each in the file's order.

    Raises:
        FileError: the file is missing or not of its format, names an image twice, or has a box or
            a score that is none.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise FileError(f"{path}: unknown ending {path.suffix!r}; allowed: {', '.join(READERS)}")
    if not path.is_file():
        raise FileError(f"{path}: no such file; see proposals.path")
    columns = reader(path)
    seen: set[str] = set()
    for name in columns.image_ids:
        if name in seen:
            raise FileError(f"{path}: image {name}: stands in it twice")
        seen.add(name)
    boxes = _edges(columns.boxes, order, coordinates)
    _check(path, columns, boxes)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(columns.counts)])
    images = IdIndex(columns.image_ids)
    return Proposals(images, offsets, boxes.astype(np.float32), columns.scores.astype(np.float32))


def boxes_of(proposals: Proposals, source: Path, row: ImageRow) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (n, 4) and scores (n,) of one image of the dataset; n may be 0.

    Raises:
        FileError: there is nothing for this image in ``source``, or a box lies outside of the image.
    """
    path = PurePosixPath(row.path)
    for name in (row.image_id, row.path, path.name, path.stem):
        try:
            boxes, scores = proposals.of(name)
        except KeyError:
            continue
        outside = (boxes[:, :2] >= (row.width, row.height)).any(axis=1) | (boxes[:, 2:] <= 0).any(axis=1)
        if outside.any():
            box = boxes[int(np.flatnonzero(outside)[0])].tolist()
            raise FileError(
                f"{source}: image {name}: boxes: {box} lies outside of {row.width} x {row.height} "
                f"pixels; see proposals.order and proposals.coordinates"
            )
        return boxes, scores
    raise FileError(
        f"{source}: image {row.image_id}: nothing for it; an image goes by its id ({row.image_id}), its path "
        f"({row.path}) or its file's name ({path.stem}), with an empty list where it has no boxes"
    )


def _edges(boxes: np.ndarray, order: Order, coordinates: Coordinates) -> np.ndarray:
    if order == "yxyx":
        boxes = boxes[:, [1, 0, 3, 2]]
    first, last = boxes[:, :2], boxes[:, 2:]
    if coordinates == "pixels_from_1":
        first = first - 1
        last = last if order == "xywh" else last - 1
    if order == "xywh":
        last = first + last
    elif coordinates != "edges":
        last = last + 1  # the far edge of the last pixel
    return np.concatenate([first, last], axis=1)


def _check(path: Path, columns: Columns, boxes: np.ndarray) -> None:
    def refuse(field: str, wrong: Any, values: np.ndarray, reason: str) -> None:
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            image = columns.image_ids[int(np.searchsorted(np.cumsum(columns.counts), row, side="right"))]
            raise FileError(f"{path}: image {image}: {field}: {values[row].tolist()} {reason}")

    refuse("boxes", ~np.isfinite(boxes).all(axis=1), columns.boxes, "is not finite")
    backwards = (boxes[:, 2:] < boxes[:, :2]).any(axis=1)
    refuse("boxes", backwards, columns.boxes, "ends before it begins; see proposals.order")
    usable = np.isfinite(columns.scores) & (columns.scores >= 0)
    refuse("scores", ~usable, columns.scores, "is not a finite number of 0 or above")

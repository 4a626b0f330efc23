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

Scores may be missing, as selective search has none: all boxes then count as equal. Where one is below 0,
as logits of a region proposal network are, the scores' ranks within their image take their place.

An image goes by its id, by its path, or by the name of its file with or without the ending. Parquet
shards that the stage ``propose`` wrote are such files. MATLAB's of versions 5 to 7.3 are read.
"""

import sys
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np

from wsdkd.data.tables import ImageRow
from wsdkd.ground.ids import IdIndex
from wsdkd.ground.reading import require_file
from wsdkd.proposals.files import Columns, FileError, read_npz, read_parquet
from wsdkd.proposals.matlab import read_mat
from wsdkd.proposals.stored import Proposals

Order = Literal["xyxy", "yxyx", "xywh"]
Coordinates = Literal["edges", "pixels_from_0", "pixels_from_1"]

READERS = {".parquet": read_parquet, ".npz": read_npz, ".mat": read_mat}
PICKLES = (".pkl", ".pickle", ".p")
CONVERT = (
    "python -c \"import pickle, numpy as np; d = pickle.load(open('{path}', 'rb')); "
    "np.savez('{stem}.npz', image_ids=[str(i) for i in d['ids']], counts=[len(b) for b in d['boxes']], "
    "boxes=np.concatenate(d['boxes']), scores=np.concatenate(d['scores']))\""
)
"""For a pickle of Detectron's kind: a dictionary of lists with an entry an image."""


def read_file(path: Path, order: Order = "xyxy", coordinates: Coordinates = "edges") -> Proposals:
    """Read and check a file of proposals, and carry its boxes to the frame of :mod:`wsdkd.data.boxes`.

    Args:
        path: its ending tells the format.
        order: what the four numbers of a box are.
        coordinates: edges of the box in continuous pixels, or its first and last pixel, counted from 0
            or 1; with ``xywh`` its first pixel and how many pixels it has.

    What the file does not say, and so is taken for granted, is told on standard error.

    Returns:
        Proposals by the names that images have in the file, boxes of each in the file's order.

    Raises:
        FileError: the file is missing or not of its format, names an image twice, or has a box or
            a score that is none.
        UserError: it is no regular file.
    """
    ending = path.suffix.lower()
    if ending in PICKLES:
        line = CONVERT.format(path=path, stem=path.with_suffix(""))
        raise FileError(f"{path}: reading a pickle runs what its author wrote; convert one you trust: {line}")
    if ending not in READERS:
        raise FileError(f"{path}: unknown ending {path.suffix!r}; allowed: {', '.join(READERS)}")
    require_file(path, "see proposals.path")
    columns = READERS[ending](path)
    images = IdIndex(columns.image_ids)
    twice = images.repeated()
    if twice is not None:
        raise FileError(f"{path}: image {columns.image_ids[twice]}: stands in it twice")
    with np.errstate(over="ignore"):  # what is beyond float32 is refused with what is infinite
        boxes = _edges(columns.boxes, order, coordinates).astype(np.float32)
        scores = None if columns.scores is None else columns.scores.astype(np.float32)
    _check(path, columns, boxes, scores)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(columns.counts)])
    return Proposals(images, offsets, boxes, _objectness(path, scores, offsets))


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


def _check(path: Path, columns: Columns, boxes: np.ndarray, scores: np.ndarray | None) -> None:
    def refuse(field: str, wrong: Any, values: Any, reason: str) -> None:
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            image = columns.image_ids[int(np.searchsorted(np.cumsum(columns.counts), row, side="right"))]
            raise FileError(f"{path}: image {image}: {field}: {values[row].tolist()} {reason}")

    refuse("boxes", ~np.isfinite(boxes).all(axis=1), columns.boxes, "is not finite")
    backwards = (boxes[:, 2:] < boxes[:, :2]).any(axis=1)
    refuse("boxes", backwards, columns.boxes, "ends before it begins; see proposals.order")
    if scores is not None:
        refuse("scores", ~np.isfinite(scores), columns.scores, "is not a finite number")


def _objectness(path: Path, scores: np.ndarray | None, offsets: np.ndarray) -> np.ndarray:
    """Scores of 0 or above, float32 (R,): the teacher multiplies features by them."""
    if scores is None:
        sys.stderr.write(
            f"{path}: no scores; all boxes of an image count as equal, the first ones are kept\n"
        )
        return np.ones(offsets[-1], np.float32)
    if scores.min(initial=0) >= 0:
        return scores
    sys.stderr.write(f"{path}: scores below 0; their ranks within each image take their place\n")
    ranks = np.empty(len(scores), np.float32)
    for start, stop in pairwise(offsets.tolist()):
        different, place = np.unique(scores[start:stop], return_inverse=True)
        ranks[start:stop] = (place + 1) / len(different)  # the best 1, equal scores the same
    return ranks

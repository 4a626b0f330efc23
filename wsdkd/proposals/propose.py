"""Proposals for many images: by all cores, in order, none lost, whatever the number of workers.

An image's boxes are found in its picture or read from a file, then ranked: what is left are its proposals.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from wsdkd.cluster.map_pictures import first_middle_last, map_pictures
from wsdkd.data.boxes import clip, rescale
from wsdkd.data.images import PILLOW_LIMIT, ImageError, decode
from wsdkd.data.tables import ImageRow
from wsdkd.ground.errors import UserError
from wsdkd.ground.workers import map_ordered
from wsdkd.proposals.edge_boxes import (
    EdgeMap,
    check_edge_model,
    edge_boxes,
    gradient_edges,
    load_edge_model,
    structured_edges,
)
from wsdkd.proposals.from_file import boxes_of, read_file
from wsdkd.proposals.params import (
    EdgeBoxesProposals,
    FileProposals,
    ProposalsParams,
    SelectiveSearchProposals,
)
from wsdkd.proposals.selective_search import selective_search
from wsdkd.proposals.stored import Proposals

Item = tuple[str, np.ndarray, np.ndarray]
"""Id of an image, its boxes and their scores."""

MIN_PICTURE = 16
"""A resized picture with a shorter side, in pixels, is too narrow to search."""
MAX_ENLARGEMENT = 2.0
LOWEST = 1e-6
"""Of a relative score: a multiplier of exactly 0 would hide the region from the teacher."""


class ProposeError(UserError):
    """An image that needs proposals cannot be used."""


def propose(
    rows: Sequence[ImageRow], root: Path, params: ProposalsParams, *, workers: int | None = None
) -> Iterator[Item]:
    """Yield (image id, boxes, scores) for each of ``rows``, in their order, behind a progress bar.

    Boxes are float32 (n, 4), (x1, y1, x2, y2) in pixels of the original image; scores float32 (n,),
    best first; n is at least 1, as :func:`wsdkd.proposals.propose.ranked_proposals` promises.

    Args:
        rows: the images.
        root: folder that their paths are relative to.
        params: which method.
        workers: number of processes, which changes nothing but the time; by default as many as CPUs,
            or the workers of a cluster (:func:`wsdkd.cluster.map_pictures.map_pictures`).

    Raises:
        ProposeError: an image cannot be decoded or is not what ``rows`` say.
        EdgeModelError: the structured edge model is none.
        UserError: a cluster is named, and does not do its work.
        FileError: proposals from a file that is not as it should be.
        concurrent.futures.process.BrokenProcessPool: a worker died, for want of memory perhaps.
    """
    if isinstance(params, FileProposals):
        proposals = read_file(Path(params.path), params.order, params.coordinates)
        yield from map_ordered(partial(_from_file, proposals, params), rows, "proposals", workers=1)
        return
    files = [root / row.path for row in first_middle_last(rows)]
    if isinstance(params, EdgeBoxesProposals) and params.structured_edge_model is not None:
        check_edge_model(params.structured_edge_model)
        model = Path(params.structured_edge_model).absolute()
        params = params.model_copy(update={"structured_edge_model": str(model)})
        files.append(model)
    search = partial(_from_picture, root.absolute(), params)
    yield from map_pictures(search, rows, "proposals", workers=workers, files=files)


def _from_picture(root: Path, params: EdgeBoxesProposals | SelectiveSearchProposals, row: ImageRow) -> Item:
    settle_opencv()
    try:
        # `prepare` has applied the dataset's own limit.
        picture = np.asarray(decode(root / row.path, PILLOW_LIMIT))
    except ImageError as error:
        raise ProposeError(
            f"image {row.image_id}: {root / row.path}: {error}; run the stage prepare again"
        ) from None
    height, width = picture.shape[:2]
    if (width, height) != (row.width, row.height):
        raise ProposeError(
            f"image {row.image_id}: {root / row.path}: {width} x {height} pixels, but "
            f"{row.width} x {row.height} when it was prepared; run the stage prepare again"
        )
    return row.image_id, *ranked_proposals(*find_boxes(picture, params), width, height, params)


def _from_file(proposals: Proposals, params: FileProposals, row: ImageRow) -> Item:
    boxes, scores = boxes_of(proposals, Path(params.path), row)
    return row.image_id, *ranked_proposals(boxes, scores, row.width, row.height, params)


def find_boxes(
    picture: np.ndarray, params: EdgeBoxesProposals | SelectiveSearchProposals
) -> tuple[np.ndarray, np.ndarray]:
    """Search one picture, uint8 RGB (H, W, 3), resized as the parameters say.

    Returns:
        Boxes float64 (n, 4) in pixels of ``picture`` and the method's own scores float64 (n,), best
        first; none for a picture that is too narrow.
    """
    height, width = picture.shape[:2]
    picture = resized(picture, params.side)
    found_in = picture.shape[1], picture.shape[0]
    if min(found_in) < MIN_PICTURE:
        return np.zeros((0, 4)), np.zeros(0)
    if isinstance(params, SelectiveSearchProposals):
        boxes, scores = selective_search(picture, params)
    else:
        boxes, scores = edge_boxes(edges_of(picture, params), params)
    return rescale(boxes, *found_in, width, height), scores


def resized(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture (H, W, 3) with ``side`` pixels along its longer side; no more than twice as large."""
    height, width = picture.shape[:2]
    scale = min(side / max(height, width), MAX_ENLARGEMENT)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if size == (width, height):
        return picture
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def edges_of(picture: np.ndarray, params: EdgeBoxesProposals) -> EdgeMap:
    """The edges that EdgeBoxes searches, of a picture that is :func:`resized`."""
    if params.structured_edge_model is None:
        return gradient_edges(picture, params.blur)
    return structured_edges(picture, load_edge_model(params.structured_edge_model))


def settle_opencv() -> None:
    """Keep OpenCV in this process to one thread, as there is a process for each core, and to itself.

    Without Intel's IPP, that is, whose last bits hang on where arrays lie in memory.
    """
    cv2.setNumThreads(1)
    cv2.ipp.setUseIPP(False)


def ranked_proposals(
    boxes: np.ndarray, scores: np.ndarray, width: float, height: float, params: ProposalsParams
) -> tuple[np.ndarray, np.ndarray]:
    """Clip boxes to their image, drop the small ones, and keep the best, the best one first.

    Scores multiply RoI features in the teacher (method: release). The authors multiply by raw
    EdgeBoxes scores of learned edges; those of gradient edges have a scale of their own in every
    image, so ``relative`` divides them by the image's highest. ``raw`` leaves them.

    Args:
        boxes: (n, 4), (x1, y1, x2, y2) in pixels of the image.
        scores: (n,), finite, 0 or above.
        width: of the image, in pixels.
        height: of the image, in pixels.
        params: ``min_side``, ``max_boxes`` and ``scores``.

    Returns:
        Boxes float32 (m, 4) within the image and scores float32 (m,), best first, equal scores in the
        order given. Where no box is left, the whole image with score 1: m is at least 1.
    """
    boxes = clip(np.asarray(boxes, dtype=np.float64), width, height)
    scores = np.asarray(scores, dtype=np.float64)
    sides = boxes[:, 2:] - boxes[:, :2]
    usable = (sides >= params.min_side).all(axis=1) & (sides > 0).all(axis=1)
    boxes, scores = boxes[usable], scores[usable]
    if len(boxes) == 0:
        return np.array([[0, 0, width, height]], dtype=np.float32), np.ones(1, dtype=np.float32)
    order = np.argsort(-scores, kind="stable")[: params.max_boxes]
    boxes, scores = boxes[order], scores[order]
    if params.scores == "relative":
        highest = scores[0]
        scores = np.maximum(scores / highest, LOWEST) if highest > 0 else np.ones_like(scores)
    return boxes.astype(np.float32), scores.astype(np.float32)

"""Proposals for many images: by all cores, in order, none lost, whatever the number of workers."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from wsdkd.boxes import rescale
from wsdkd.cluster.agreement import few
from wsdkd.cluster.spread import spread
from wsdkd.errors import UserError
from wsdkd.images import PILLOW_LIMIT, ImageError, decode
from wsdkd.params.proposals import (
    EdgeBoxesProposals,
    FileProposals,
    ProposalsParams,
    SelectiveSearchProposals,
)
from wsdkd.proposals.edge_boxes import edge_boxes
from wsdkd.proposals.edge_map import EdgeMap, gradient_edges
from wsdkd.proposals.finish import finish
from wsdkd.proposals.from_file import boxes_of, read_file
from wsdkd.proposals.selective_search import selective_search
from wsdkd.proposals.shards import Proposals
from wsdkd.proposals.structured_edges import check_edge_model, load_edge_model, structured_edges
from wsdkd.tables.images import ImageRow
from wsdkd.workers import map_ordered

Item = tuple[str, np.ndarray, np.ndarray]

MIN_PICTURE = 16
"""A resized picture with a shorter side, in pixels, is too narrow to search."""
MAX_ENLARGEMENT = 2.0


class ProposeError(UserError):
    """An image that needs proposals cannot be used."""


def propose(
    rows: Sequence[ImageRow], root: Path, params: ProposalsParams, *, workers: int | None = None
) -> Iterator[Item]:
    """Yield (image id, boxes, scores) for each of ``rows``, in their order, behind a progress bar.

    Boxes are float32 (n, 4), (x1, y1, x2, y2) in pixels of the original image; scores float32 (n,),
    best first; n is at least 1, as :func:`wsdkd.proposals.finish.finish` promises.

    Args:
        rows: the images.
        root: folder that their paths are relative to.
        params: which method.
        workers: number of processes, which changes nothing but the time; by default as many as CPUs,
            or the workers of a cluster (:func:`wsdkd.cluster.spread.spread`).

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
    files = [root / row.path for row in few(rows)]
    if isinstance(params, EdgeBoxesProposals) and params.structured_edge_model is not None:
        check_edge_model(params.structured_edge_model)
        model = Path(params.structured_edge_model).absolute()
        params = params.model_copy(update={"structured_edge_model": str(model)})
        files.append(model)
    search = partial(_from_picture, root.absolute(), params)
    yield from spread(search, rows, "proposals", workers=workers, files=files)


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
    return row.image_id, *finish(*find_boxes(picture, params), width, height, params)


def _from_file(proposals: Proposals, params: FileProposals, row: ImageRow) -> Item:
    boxes, scores = boxes_of(proposals, Path(params.path), row)
    return row.image_id, *finish(boxes, scores, row.width, row.height, params)

"""Every image of a dataset decoded once, and its annotations held against what is found."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from wsdkd.cluster.map_pictures import first_middle_last, map_pictures
from wsdkd.data.annotations import ObjectRow
from wsdkd.data.boxes import area, clip, turn_upright
from wsdkd.data.images import ImageError, Measured, measure
from wsdkd.data.tables import ImageRow
from wsdkd.datasets.paths import Links, refusal
from wsdkd.datasets.records import ImageRecord, Rejection


@dataclass(frozen=True)
class Checked:
    """What was found in an image file: its size, its orientation, and the SHA-256 of its bytes."""

    measured: Measured
    digest: str


def check_file(path: str, root: Path, max_pixels: int, links: Links) -> Checked | str:
    """Read and decode one image.

    Args:
        path: in its normal spelling, relative to ``root``.
        root: the dataset's folder.
        max_pixels: a larger image is refused.
        links: where symbolic links may lead.

    Returns:
        What was found, or the reason why the image cannot be used.
    """
    reason = refusal(root, path, links)
    if reason is not None:
        return reason
    try:
        content = (root / path).read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    try:
        return Checked(measure(content, max_pixels), hashlib.sha256(content).hexdigest())
    except ImageError as error:
        return str(error)


def check_images(
    records: Sequence[ImageRecord], root: Path, *, max_pixels: int, links: Links, workers: int | None = None
) -> tuple[list[ImageRow], list[ObjectRow], list[Rejection]]:
    """Decode the images of all ``records``, in parallel, and make table rows of those that can be used.

    An image id or a file that stands in the dataset again is used the first time alone. Boxes are
    clipped to their image; an object with nothing inside is rejected, and its image keeps the label.

    Args:
        records: in order; the result does not depend on ``workers``.
        root: the dataset's folder.
        max_pixels: a larger image is rejected.
        links: where symbolic links may lead.
        workers: number of processes, see :func:`wsdkd.cluster.map_pictures.map_pictures`.
    """
    records, rejected = _without_repeats(records)
    check = partial(check_file, root=root.absolute(), max_pixels=max_pixels, links=links)
    paths = [record.path for record in records]
    files = [root / path for path in first_middle_last(paths) if refusal(root, path, links) is None]
    found = map_pictures(check, paths, "decoding", workers=workers, files=files)
    images: list[ImageRow] = []
    objects: list[ObjectRow] = []
    for record, result in zip(records, found, strict=True):
        reason = result if isinstance(result, str) else _size_mismatch(record, result.measured)
        if isinstance(result, str) or reason is not None:
            rejected.append(Rejection("image", record.image_id, record.path, str(reason)))
            continue
        measured = result.measured
        images.append(
            ImageRow(
                record.image_id,
                record.path,
                measured.width,
                measured.height,
                record.split,
                record.labels,
                record.ignored,
                result.digest,
            )
        )
        kept, lost = _objects(record, measured)
        objects += kept
        rejected += lost
    return images, objects, rejected


def _without_repeats(records: Sequence[ImageRecord]) -> tuple[list[ImageRecord], list[Rejection]]:
    kept: list[ImageRecord] = []
    rejected: list[Rejection] = []
    ids: dict[str, ImageRecord] = {}
    paths: dict[str, ImageRecord] = {}
    for record in records:
        reason = None
        if record.image_id in ids:
            reason = f"duplicate id: already in split {ids[record.image_id].split}"
        elif record.path in paths:
            reason = f"duplicate file: already in split {paths[record.path].split}"
        if reason is not None:
            rejected.append(Rejection("image", record.image_id, record.path, reason))
            continue
        ids[record.image_id] = paths[record.path] = record
        kept.append(record)
    return kept, rejected


def _size_mismatch(record: ImageRecord, measured: Measured) -> str | None:
    upright = (measured.width, measured.height)
    if record.annotated_size in (None, upright, measured.stored_size):
        return None
    (width, height), annotated = upright, record.annotated_size
    return f"{width} x {height} pixels, but annotated as {annotated[0]} x {annotated[1]}"


def _objects(record: ImageRecord, measured: Measured) -> tuple[list[ObjectRow], list[Rejection]]:
    boxes = np.array([item.box for item in record.objects], np.float64).reshape(-1, 4)
    upright = (measured.width, measured.height)
    if record.annotated_size not in (None, upright):
        # Annotated as stored. Where both sizes are equal nothing tells, and the boxes are taken as
        # drawn on the upright picture, which is what annotation tools show.
        boxes = turn_upright(boxes, measured.orientation, *measured.stored_size)
    inside = clip(boxes, *upright)
    kept: list[ObjectRow] = []
    rejected: list[Rejection] = []
    for item, whole, part in zip(record.objects, boxes.tolist(), inside, strict=True):
        reason = None
        if not all(map(math.isfinite, whole)):
            reason = f"box {_show(whole)} is not finite"
        elif whole[2] <= whole[0] or whole[3] <= whole[1]:
            reason = f"box {_show(whole)} is empty"
        elif area(part[None])[0] <= 0:
            reason = f"box {_show(whole)} lies outside of the image of {upright[0]} x {upright[1]} pixels"
        if reason is not None:
            rejected.append(Rejection("object", record.image_id, record.path, reason))
            continue
        x1, y1, x2, y2 = part.tolist()
        kept.append(ObjectRow(record.image_id, item.label, x1, y1, x2, y2, item.difficult, item.crowd))
    return kept, rejected


def _show(box: Sequence[float]) -> str:
    return "(" + ", ".join(f"{value:g}" for value in box) + ")"

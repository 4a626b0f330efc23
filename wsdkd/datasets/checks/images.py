"""Every image of a dataset decoded once, and its annotations held against what is found."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

from wsdkd.cluster.map_pictures import first_middle_last, map_pictures
from wsdkd.data.annotations import ObjectRow
from wsdkd.data.tables import ImageRow
from wsdkd.datasets.checks.file import Checked, Unusable, check_file
from wsdkd.datasets.checks.frames import Frames, other_size, place_boxes
from wsdkd.datasets.checks.locate import Sought, locate, whereabouts
from wsdkd.datasets.reading.paths import Links, refusal
from wsdkd.datasets.reading.records import ImageRecord
from wsdkd.datasets.reading.rejections import Cause, Rejection
from wsdkd.ground.words import counted


@dataclass(frozen=True)
class Rules:
    """What is allowed of an image, and how its boxes are read; see :mod:`wsdkd.datasets.params`."""

    max_pixels: int
    links: Links
    boxes_drawn_on: Literal["auto", "upright", "stored"] = "auto"
    other_size: Literal["drop_boxes", "reject"] = "drop_boxes"


@dataclass
class Found:
    """Images that can be used, and what is to be said of these and of the others.

    Attributes:
        records: as the annotations have them, in order; each path is where the file was found.
        images: a row for each record.
        objects: of all of them.
        grids: grey levels of each, see :mod:`wsdkd.data.likeness`.
        turned: how many EXIF turns.
        rejected: images, objects and warnings.
        said: sentences.
    """

    records: list[ImageRecord] = field(default_factory=list)
    images: list[ImageRow] = field(default_factory=list)
    objects: list[ObjectRow] = field(default_factory=list)
    grids: list[bytes] = field(default_factory=list)
    turned: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def check_images(
    records: Sequence[ImageRecord], root: Path, rules: Rules, workers: int | None = None
) -> Found:
    """Decode the images of all ``records``, in parallel, and make table rows of those that can be used.

    A file that is missing is looked for elsewhere in the dataset. Boxes are clipped to their image; an
    object with nothing inside is rejected, and its image keeps the label.

    Args:
        records: in order, no file twice; the result does not depend on ``workers``.
        root: the dataset's folder.
        rules: what is allowed.
        workers: number of processes, see :func:`wsdkd.cluster.map_pictures.map_pictures`.
    """
    results = _decode([record.path for record in records], root, rules, workers)
    found = Found()
    records = _look_elsewhere(records, results, root, rules, found, workers)
    pairs: list[tuple[ImageRecord, Checked]] = []
    for record, result in zip(records, results, strict=True):
        unusable = _unusable(record, result, rules)
        if unusable is not None:
            item = Rejection("image", record.image_id, record.path, unusable.reason, unusable.cause)
            found.rejected.append(item)
        elif isinstance(result, Checked):
            pairs.append((record, result))
    _rows(pairs, found)
    _boxes(pairs, rules, found)
    return found


def _decode(paths: Sequence[str], root: Path, rules: Rules, workers: int | None) -> list[Checked | Unusable]:
    check = partial(check_file, root=root.absolute(), max_pixels=rules.max_pixels, links=rules.links)
    files = [root / path for path in first_middle_last(paths) if refusal(root, path, rules.links) is None]
    return list(map_pictures(check, paths, "decoding", workers=workers, files=files))


def _look_elsewhere(
    records: Sequence[ImageRecord],
    results: list[Checked | Unusable],
    root: Path,
    rules: Rules,
    found: Found,
    workers: int | None,
) -> list[ImageRecord]:
    """Records with the paths of files found elsewhere; their ``results`` are replaced."""
    moved = list(records)
    gone = [
        place
        for place, result in enumerate(results)
        if isinstance(result, Unusable) and result.cause in (Cause.MISSING, Cause.OUTSIDE)
    ]
    if not gone or not root.is_dir():
        return moved
    there = {
        record.path for record, result in zip(records, results, strict=True) if isinstance(result, Checked)
    }
    sought = [Sought(records[place].path, records[place].folder) for place in gone]
    taken: list[tuple[int, str]] = []
    for place, choice in zip(gone, locate(sought, root, rules.links, there), strict=True):
        result = results[place]
        if isinstance(choice, str):
            taken.append((place, choice))
        elif isinstance(result, Unusable):
            results[place] = replace(result, reason=result.reason + whereabouts(choice))
    again = _decode([path for _, path in taken], root, rules, workers) if taken else []
    for (place, path), result in zip(taken, again, strict=True):
        if isinstance(result, Unusable) and result.cause is not Cause.DAMAGED:
            if result.cause is Cause.LINKED_FOLDER:
                results[place] = replace(result, reason=f"{result.reason}: {path}")
            continue
        record, results[place] = records[place], result
        same_id = record.image_id == record.path
        moved[place] = replace(record, path=path, image_id=path if same_id else record.image_id)
        reason = f"annotated as {record.path}, found here"
        found.rejected.append(Rejection("warning", moved[place].image_id, path, reason, Cause.ELSEWHERE))
    return moved


def _unusable(record: ImageRecord, result: Checked | Unusable, rules: Rules) -> Unusable | None:
    if isinstance(result, Unusable):
        return result
    if not _is_utf8(record.image_id) or not _is_utf8(record.path):
        return Unusable("its name is not UTF-8", Cause.ANNOTATION)
    reason = other_size(record, result.measured) if rules.other_size == "reject" else None
    return None if reason is None else Unusable(reason, Cause.OTHER_SIZE)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _rows(pairs: Sequence[tuple[ImageRecord, Checked]], found: Found) -> None:
    depths: Counter[str] = Counter()
    for record, result in pairs:
        measured = result.measured
        found.records.append(record)
        found.images.append(
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
        found.grids.append(measured.grid)
        if measured.depth is not None:
            depths[measured.depth] += 1
        if measured.flat:
            reason = "nearly one colour after decoding"
            found.rejected.append(Rejection("warning", record.image_id, record.path, reason, Cause.FLAT))
    if depths:
        ranges = ", ".join(f"{count} by {depth}" for depth, count in sorted(depths.items()))
        found.said.append(f"pictures of more than 8 bits are read by the range of their values: {ranges}")


def _boxes(pairs: Sequence[tuple[ImageRecord, Checked]], rules: Rules, found: Found) -> None:
    turned = [(record, result.measured) for record, result in pairs if result.measured.orientation != 1]
    frames = Frames((pair for pair in turned if pair[0].objects), rules.boxes_drawn_on)
    for record, result in pairs:
        measured, boxes = result.measured, len(record.objects)
        reason = other_size(record, measured)
        if reason is not None:
            kind: Literal["object", "warning"] = "object" if boxes else "warning"
            reason += f"; {boxes} box{'es' * (boxes > 1)} left out" if boxes else ""
            found.rejected.append(Rejection(kind, record.image_id, record.path, reason, Cause.OTHER_SIZE))
        elif boxes:
            kept, listed = place_boxes(record, measured, frames)
            found.objects += kept
            found.rejected += listed
    found.turned = len(turned)
    if turned:
        drawn = (
            f"{count} with boxes drawn on the {frame} picture"
            for frame, count in sorted(frames.count.items())
        )
        found.said.append(", ".join([f"turned upright by EXIF: {counted(len(turned), 'picture')}", *drawn]))

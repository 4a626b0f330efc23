"""Every image of a dataset decoded once, and its annotations held against what is found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from wsdkd.cluster.map_pictures import first_middle_last, map_pictures
from wsdkd.data.annotations import ObjectRow, placed
from wsdkd.data.columns import Columns
from wsdkd.data.tables import ImageRow
from wsdkd.datasets.checks.equal import one_by_one
from wsdkd.datasets.checks.file import Checked, Unusable, check_file
from wsdkd.datasets.checks.frames import Frames, other_size, place_boxes
from wsdkd.datasets.checks.locate import Sought, locate, whereabouts
from wsdkd.datasets.checks.looked import Looked
from wsdkd.datasets.checks.rows import Objects, rows_of
from wsdkd.datasets.reading.paths import Links, refusal
from wsdkd.datasets.reading.record_table import RecordTable
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
        looked: what decoding found of each.
        objects: of all of them.
        turned: how many EXIF turns.
        rejected: images, objects and warnings.
        said: sentences.
    """

    records: RecordTable
    looked: Looked
    objects: Columns[ObjectRow]
    turned: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def images(self) -> Columns[ImageRow]:
        """A row for each record."""
        return rows_of(self.records, self.looked)


def check_images(
    records: Sequence[ImageRecord], root: Path, rules: Rules, workers: int | None = None
) -> Found:
    """Decode the images of all ``records``, in parallel, and keep those that can be used.

    A file that is missing is looked for elsewhere in the dataset. Boxes are clipped to their image; an
    object with nothing inside is rejected, and its image keeps the label.

    Args:
        records: in order, no file twice; the result does not depend on ``workers``.
        root: the dataset's folder.
        rules: what is allowed.
        workers: number of processes, see :func:`wsdkd.cluster.map_pictures.map_pictures`.
    """
    table = RecordTable.of(records)
    looked = Looked(_decode(table.paths, root, rules, workers), len(table))
    found = Found(table, looked, placed([]))
    _look_elsewhere(found, root, rules, workers)
    _leave_out(found, rules)
    _say(found)
    _boxes(found, rules)
    return found


def _decode(
    paths: Sequence[str], root: Path, rules: Rules, workers: int | None
) -> Iterator[Checked | Unusable]:
    check = partial(check_file, root=root.absolute(), max_pixels=rules.max_pixels, links=rules.links)
    files = [root / path for path in first_middle_last(paths) if refusal(root, path, rules.links) is None]
    return map_pictures(check, paths, "decoding", workers=workers, files=files)


def _look_elsewhere(found: Found, root: Path, rules: Rules, workers: int | None) -> None:
    """Give records the paths of files found elsewhere, and look at these."""
    records, looked = found.records, found.looked
    unusable = looked.unusable
    gone = [place for place in sorted(unusable) if unusable[place].cause in (Cause.MISSING, Cause.OUTSIDE)]
    if not gone or not root.is_dir():
        return
    there = (path for place, path in enumerate(records.paths) if place not in unusable)
    sought = [Sought(record.path, record.folder) for record in map(records.__getitem__, gone)]
    taken: list[tuple[int, str]] = []
    for place, choice in zip(gone, locate(sought, root, rules.links, there), strict=True):
        if isinstance(choice, str):
            taken.append((place, choice))
        else:
            reason = unusable[place].reason + whereabouts(choice)
            looked.put(place, replace(unusable[place], reason=reason))
    again = _decode([path for _, path in taken], root, rules, workers) if taken else ()
    moved: dict[int, ImageRecord] = {}
    for (place, path), result in zip(taken, again, strict=True):
        if isinstance(result, Unusable) and result.cause is not Cause.DAMAGED:
            if result.cause is Cause.LINKED_FOLDER:
                looked.put(place, replace(result, reason=f"{result.reason}: {path}"))
            continue
        looked.put(place, result)
        record = records[place]
        image_id = path if record.image_id == record.path else record.image_id
        moved[place] = replace(record, path=path, image_id=image_id)
        reason = f"annotated as {record.path}, found here"
        found.rejected.append(Rejection("warning", image_id, path, reason, Cause.ELSEWHERE))
    if moved:
        found.records = RecordTable(moved.get(place, record) for place, record in enumerate(records))


def _leave_out(found: Found, rules: Rules) -> None:
    records, looked = found.records, found.looked
    wrong = {place: Unusable("its name is not UTF-8", Cause.ANNOTATION) for place in records.not_utf8}
    wrong |= looked.unusable
    if rules.other_size == "reject":
        for place in one_by_one(records.look_at()):
            reason = None if place in wrong else other_size(records[place], looked.measured(place))
            if reason is not None:
                wrong[place] = Unusable(reason, Cause.OTHER_SIZE)
    if not wrong:
        return
    for place in sorted(wrong):
        record, why = records[place], wrong[place]
        found.rejected.append(Rejection("image", record.image_id, record.path, why.reason, why.cause))
    found.records = RecordTable(record for place, record in enumerate(records) if place not in wrong)
    keep = np.ones(len(records), bool)
    keep[list(wrong)] = False
    looked.take(keep)


def _say(found: Found) -> None:
    for place in found.looked.flat.tolist():
        record, reason = found.records[place], "nearly one colour after decoding"
        found.rejected.append(Rejection("warning", record.image_id, record.path, reason, Cause.FLAT))
    depths = found.looked.depths
    if depths:
        ranges = ", ".join(f"{count} by {depth}" for depth, count in sorted(depths.items()))
        found.said.append(f"pictures of more than 8 bits are read by the range of their values: {ranges}")


def _boxes(found: Found, rules: Rules) -> None:
    records, looked = found.records, found.looked
    annotated = records.look_at()
    turned = looked.turned
    both = ((records[place], looked.measured(place)) for place in one_by_one(annotated[turned[annotated]]))
    frames = Frames((pair for pair in both if pair[0].objects), rules.boxes_drawn_on)
    objects = Objects(records.num_objects)
    for place in one_by_one(annotated):
        record, measured = records[place], looked.measured(place)
        boxes, reason = len(record.objects), other_size(record, measured)
        if reason is not None:
            kind: Literal["object", "warning"] = "object" if boxes else "warning"
            reason += f"; {boxes} box{'es' * (boxes > 1)} left out" if boxes else ""
            found.rejected.append(Rejection(kind, record.image_id, record.path, reason, Cause.OTHER_SIZE))
        elif boxes:
            kept, listed = place_boxes(record, measured, frames)
            objects.append(place, kept)
            found.rejected += listed
    found.objects = objects.of(records.ids)
    found.turned = int(turned.sum())
    if found.turned:
        drawn = (
            f"{count} with boxes drawn on the {frame} picture"
            for frame, count in sorted(frames.count.items())
        )
        found.said.append(", ".join([f"turned upright by EXIF: {counted(found.turned, 'picture')}", *drawn]))

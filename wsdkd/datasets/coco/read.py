"""COCO: JSON with images, categories and annotations, and folders of images.

An image's id is its path below the root. A class is present in an image where any object of it is
annotated, crowds among them: of COCO val 2014's 40,504 images 40,137 are then labelled, the field's
figure. Categories become classes in the order of their ids in the training file.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from wsdkd.datasets.coco.categories import Categories
from wsdkd.datasets.coco.file import CocoFile, Id, load_coco
from wsdkd.datasets.coco.layouts import Part
from wsdkd.datasets.reading.paths import normal
from wsdkd.datasets.reading.record_table import RecordTable
from wsdkd.datasets.reading.records import ImageRecord, ObjectRecord, Reading
from wsdkd.datasets.reading.rejections import Cause, DatasetError, Rejection
from wsdkd.datasets.reading.words import yes_or_no
from wsdkd.ground.progress import track
from wsdkd.ground.words import counted


def read_coco(
    root: Path,
    parts: Sequence[Part],
    unlabelled: Literal["keep", "drop"] = "keep",
    leave_out: Collection[str] = (),
) -> Reading:
    """Read the annotation files of all splits.

    Args:
        root: the dataset's folder.
        parts: the files, that of training first.
        unlabelled: whether images without any label stay.
        leave_out: names of categories that are no classes.

    Raises:
        DatasetError: a file is missing or not a COCO file, most of its annotations name no image, or two
            files contradict each other in their categories.
    """
    categories = Categories(leave_out)
    records = RecordTable()
    rejected: list[Rejection] = []
    told: list[str] = []
    try:
        for part in track(parts, "annotations", total=len(parts), unit="file"):
            file = load_coco(root, part.annotations)  # one at a time: COCO's are gigabytes in memory
            for record in _records(file, part, categories.add(file), rejected):
                records.append(record)
            told.append(
                f"{part.annotations} with {counted(len(file.images), 'image')} of "
                f"{part.images or 'the root'} and {counted(file.count, 'annotation')} ({part.split})"
            )
        classes, numbers = categories.classes()
    except DatasetError as error:
        raise DatasetError(str(error), rejected) from None
    images = (_numbered(record, numbers) for record in records)
    kept = RecordTable(record for record in images if record.labels or unlabelled == "keep")
    notes = (f"COCO: {'; '.join(told)}", *categories.notes)
    return Reading(classes, kept, tuple(rejected), len(records) - len(kept), notes)


def _numbered(record: ImageRecord, numbers: Sequence[int | None]) -> ImageRecord:
    # From places among all names of categories to classes; what is none is passed over.
    if all(numbers[place] == place for place in record.labels):
        return record
    labels = tuple(sorted(label for place in record.labels if (label := numbers[place]) is not None))
    objects = tuple(
        replace(item, label=label) for item in record.objects if (label := numbers[item.label]) is not None
    )
    return replace(record, labels=labels, objects=objects)


def _records(
    file: CocoFile, part: Part, places: dict[Id, int], rejected: list[Rejection]
) -> Iterator[ImageRecord]:
    times = Counter(entry["id"] for entry in file.images)
    folder = normal(part.images) if part.images else ""
    for entry in file.images:
        name = entry["file_name"]
        if not isinstance(name, str) or not name.strip():
            reason = f"{part.annotations}: image {entry['id']!r}: file_name is {str(name)[:60]!r}, no path"
            rejected.append(Rejection("image", "", "", reason))
            continue
        path = normal(folder, name.replace("\\", "/"))
        if times[entry["id"]] > 1:
            # Nobody can tell to which of them the annotations belong.
            reason = f"{part.annotations}: the id {entry['id']} stands for {times[entry['id']]} images"
            rejected.append(Rejection("image", path, path, reason))
            continue
        annotations = file.annotations.get(entry["id"], [])
        unknown = [note["category_id"] for note in annotations if note["category_id"] not in places]
        if unknown:
            reason = f"label {unknown[0]!r} is not a class"
            rejected.append(Rejection("image", path, path, reason, Cause.NOT_A_CLASS))
            continue
        labels = tuple(sorted({places[note["category_id"]] for note in annotations}))
        objects = tuple(_objects(annotations, places, path, rejected))
        yield ImageRecord(path, path, part.split, labels, (), objects, _size(entry), folder=folder)
    for image_id in sorted(set(file.annotations) - set(times), key=str):
        count = len(file.annotations[image_id])
        reason = f"{part.annotations}: {count} annotations of image {image_id!r}, which it does not list"
        rejected.append(Rejection("object", "", "", reason, Cause.NO_IMAGE))


def _objects(
    annotations: list[dict[str, Any]], places: dict[Id, int], path: str, rejected: list[Rejection]
) -> list[ObjectRecord]:
    objects: list[ObjectRecord] = []
    for note in annotations:
        shown = str(note["id"])[:60]
        try:
            x, y, width, height = (float(value) for value in note["bbox"])
        except (KeyError, TypeError, ValueError, OverflowError):
            reason = f"annotation {shown}: no bbox of four numbers"
            rejected.append(Rejection("object", path, path, reason, Cause.NO_BOX))
            continue
        crowd = yes_or_no(note.get("iscrowd"))
        if crowd is None:
            reason = f"annotation {shown}: iscrowd is {str(note['iscrowd'])[:40]!r}, expected 0 or 1"
            rejected.append(Rejection("warning", path, path, reason, Cause.UNKNOWN_WORD))
        box = (x, y, x + width, y + height)
        objects.append(ObjectRecord(places[note["category_id"]], box, crowd=bool(crowd)))
    return objects


def _size(entry: dict[str, Any]) -> tuple[int, int] | None:
    try:
        width, height = (float(entry[side]) for side in ("width", "height"))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if not (1 <= width < 2**31 and 1 <= height < 2**31):  # some tools write zeros
        return None
    return round(width), round(height)

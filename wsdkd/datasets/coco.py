"""COCO: ``instances_*.json`` with folders of images, read by pycocotools.

An image's id is its path below the root. A class is present in an image where any object of it is
annotated, crowds among them: of COCO val 2014's 40,504 images 40,137 are then labelled, the field's
figure. Categories become classes in the order of their ids.
"""

import contextlib
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pycocotools.coco import COCO

from wsdkd.data.tables import SPLITS, Split
from wsdkd.datasets.params import CocoDataset, ScenesDataset
from wsdkd.datasets.paths import normal, read_text
from wsdkd.datasets.records import DatasetError, ImageRecord, ObjectRecord, Reading, Rejection
from wsdkd.ground.progress import track


@dataclass(frozen=True)
class Part:
    """One annotation file and the folder of its images, both relative to the root."""

    split: Split
    annotations: str
    images: str


def parts_of(params: CocoDataset | ScenesDataset) -> list[Part]:
    """The annotation files that the parameters name."""
    if isinstance(params, ScenesDataset):
        return [Part(split, f"annotations/instances_{split}.json", f"images/{split}") for split in SPLITS]
    parts = [Part("train", params.train_annotations, params.train_images)]
    if params.val_annotations is not None and params.val_images is not None:
        parts.append(Part("val", params.val_annotations, params.val_images))
    return [*parts, Part("test", params.test_annotations, params.test_images)]


def read_coco(root: Path, parts: Sequence[Part], unlabelled: Literal["keep", "drop"] = "keep") -> Reading:
    """Read the annotation files of all splits.

    Raises:
        DatasetError: a file is missing or not a COCO file, or two files differ in their categories.
    """
    categories: dict[Any, str] = {}
    images: list[ImageRecord] = []
    rejected: list[Rejection] = []
    dropped = 0
    for part in track(parts, "annotations", total=len(parts), unit="file"):
        file = _load(root, part)  # one at a time: COCO's are gigabytes in memory
        found = _categories(file, root, part)
        if found != (categories := categories or found):
            raise DatasetError(
                f"{root / part.annotations}: its categories are not those of {root / parts[0].annotations}"
            )
        places = {category: place for place, category in enumerate(categories)}
        for record in _records(file, part, places, rejected):
            if record.labels or unlabelled == "keep":
                images.append(record)
            else:
                dropped += 1
    return Reading(tuple(categories.values()), tuple(images), tuple(rejected), dropped)


def _load(root: Path, part: Part) -> COCO:
    path, text = read_text(root, part.annotations)
    try:
        content = json.loads(text, object_hook=_without_outline)
    except ValueError as error:
        raise DatasetError(f"{path}: not JSON: {error}") from None
    _check_shape(path, content)
    coco = COCO()
    coco.dataset = content
    with contextlib.redirect_stdout(io.StringIO()):  # it prints how far it is
        coco.createIndex()
    return coco


def _without_outline(entry: dict[str, Any]) -> dict[str, Any]:
    # Nobody asks for outlines, and they are nine tenths of what COCO's own files hold.
    entry.pop("segmentation", None)
    return entry


def _check_shape(path: str, content: Any) -> None:
    # What pycocotools would meet with a KeyError, or not notice.
    needed = {
        "categories": ("id", "name"),
        "images": ("id", "file_name"),
        "annotations": ("image_id", "category_id"),
    }
    for section, keys in needed.items():
        entries = content.get(section) if isinstance(content, dict) else None
        if not isinstance(entries, list):
            raise DatasetError(f'{path}: no list "{section}" in it; is it an instances_*.json?')
        for place, entry in enumerate(entries):
            missing = [key for key in keys if not isinstance(entry, dict) or key not in entry]
            if missing:
                raise DatasetError(f'{path}: {section}[{place}] has no "{missing[0]}"')
            entry.setdefault("id", place)  # of annotations: pycocotools wants one, nobody else does


def _categories(coco: COCO, root: Path, part: Part) -> dict[Any, str]:
    entries = coco.dataset["categories"]
    names = {entry["id"]: str(entry["name"]) for entry in sorted(entries, key=lambda entry: entry["id"])}
    if len(names) < len(entries) or len(set(names.values())) < len(entries):
        raise DatasetError(f"{root / part.annotations}: a category's id or name stands in it twice")
    return names


def _records(coco: COCO, part: Part, places: dict[Any, int], rejected: list[Rejection]) -> list[ImageRecord]:
    entries = coco.dataset["images"]
    times = Counter(entry["id"] for entry in entries)
    records: list[ImageRecord] = []
    for entry in entries:
        path = normal(part.images, str(entry["file_name"]))
        if times[entry["id"]] > 1:
            # Nobody can tell to which of them the annotations belong.
            reason = f"{part.annotations}: the id {entry['id']} stands for {times[entry['id']]} images"
            rejected.append(Rejection("image", path, path, reason))
            continue
        annotations = coco.imgToAnns.get(entry["id"], [])
        unknown = [note["category_id"] for note in annotations if note["category_id"] not in places]
        if unknown:
            rejected.append(Rejection("image", path, path, f"label {unknown[0]!r} is not a class"))
            continue
        labels = tuple(sorted({places[note["category_id"]] for note in annotations}))
        objects = tuple(_objects(annotations, places, path, rejected))
        size = _size(entry)
        records.append(ImageRecord(path, path, part.split, labels, (), objects, size))
    for image_id in sorted(set(coco.imgToAnns) - set(times), key=str):
        count = len(coco.imgToAnns[image_id])
        reason = f"{part.annotations}: {count} annotations of image {image_id!r}, which it does not list"
        rejected.append(Rejection("object", "", "", reason))
    return records


def _objects(
    annotations: list[dict[str, Any]], places: dict[Any, int], path: str, rejected: list[Rejection]
) -> list[ObjectRecord]:
    objects: list[ObjectRecord] = []
    for note in annotations:
        try:
            x, y, width, height = (float(value) for value in note["bbox"])
        except (KeyError, TypeError, ValueError):
            reason = f"annotation {note['id']}: no bbox of four numbers"
            rejected.append(Rejection("object", path, path, reason))
            continue
        box = (x, y, x + width, y + height)
        objects.append(ObjectRecord(places[note["category_id"]], box, crowd=bool(note.get("iscrowd"))))
    return objects


def _size(entry: dict[str, Any]) -> tuple[int, int] | None:
    width, height = entry.get("width"), entry.get("height")
    return (
        (width, height) if isinstance(width, int) and isinstance(height, int) and width and height else None
    )

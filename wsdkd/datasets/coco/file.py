"""One annotation file of COCO, from whatever tool: checked, and its ids compared as what they mean."""

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import normalize

from wsdkd.datasets.reading.paths import read_text
from wsdkd.datasets.reading.rejections import DatasetError

Id = int | str

SECTIONS = {
    "categories": ("id", "name"),
    "images": ("id", "file_name"),
    "annotations": ("image_id", "category_id"),
}
"""What is needed of a file, and of each entry in it."""
IDS = {"categories": ("id",), "images": ("id",), "annotations": ("image_id", "category_id")}
WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
SHOWN = 3


@dataclass(frozen=True)
class CocoFile:
    """The entries of a file, with ids in one spelling.

    Attributes:
        path: as it should stand in a message.
        categories: with ``id`` and ``name``.
        images: with ``id`` and ``file_name``.
        annotations: by the id of their image, each with ``category_id`` and its place in the file as ``id``.
    """

    path: str
    categories: list[dict[str, Any]]
    images: list[dict[str, Any]]
    annotations: dict[Id, list[dict[str, Any]]]

    @property
    def count(self) -> int:
        """Of all annotations."""
        return sum(map(len, self.annotations.values()))


def load_coco(root: Path, annotations: str) -> CocoFile:
    """Read an annotation file.

    Raises:
        DatasetError: it is missing, no JSON, no COCO file, or most of its annotations name no image of it.
    """
    path, text = read_text(root, annotations)
    try:
        content = json.loads(text, object_hook=_without_outline)
    except RecursionError:
        raise DatasetError(f"{path}: not JSON that is read: nested too deeply") from None
    except ValueError as error:
        raise DatasetError(f"{path}: not JSON: {error}") from None
    _check_shape(path, content)
    written = {entry["id"]: entry["id"] for entry in content["images"] if _is_hashable(entry["id"])}
    by_image: dict[Id, list[dict[str, Any]]] = defaultdict(list)
    named: dict[Id, Any] = {}
    for section, keys in IDS.items():
        for place, entry in enumerate(content[section]):
            for key in keys:
                as_written = entry[key]
                entry[key] = _id(as_written, f'{path}: {section}[{place}], "{key}"')
                if key == "image_id":
                    named.setdefault(entry[key], as_written)
    for place, note in enumerate(content["annotations"]):
        note.setdefault("id", place)  # for messages
        by_image[note["image_id"]].append(note)
    file = CocoFile(path, content["categories"], content["images"], dict(by_image))
    _refuse_strangers(file, named, list(written))
    return file


def _without_outline(entry: dict[str, Any]) -> dict[str, Any]:
    # Nobody asks for outlines, and they are nine tenths of what COCO's own files hold.
    entry.pop("segmentation", None)
    return entry


def _check_shape(path: str, content: Any) -> None:
    for section, keys in SECTIONS.items():
        entries = content.get(section) if isinstance(content, dict) else None
        if not isinstance(entries, list):
            raise DatasetError(f'{path}: no list "{section}" in it; is it an instances_*.json?')
        for place, entry in enumerate(entries):
            missing = [key for key in keys if not isinstance(entry, dict) or key not in entry]
            if missing:
                raise DatasetError(f'{path}: {section}[{place}] has no "{missing[0]}"')


def _is_hashable(value: Any) -> bool:
    return isinstance(value, int | float | str)


def _id(value: Any, where: str) -> Id:
    """An id as what it means: the text "1" and the number 1.0 are the number 1; "01" is a text.

    Raises:
        DatasetError: it is neither a whole number nor a text.
    """
    if isinstance(value, str):
        text = value.strip()
        return int(text) if WHOLE.fullmatch(text) else normalize("NFC", text)
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise DatasetError(f"{where}: {str(value)[:60]!r} is no id, which is a whole number or a text")


def _refuse_strangers(file: CocoFile, named: dict[Id, Any], listed: Iterable[Any]) -> None:
    known = {entry["id"] for entry in file.images}
    strange = [image_id for image_id in file.annotations if image_id not in known]
    count = sum(len(file.annotations[image_id]) for image_id in strange)
    if 2 * count > file.count:
        theirs = ", ".join(repr(named[image_id]) for image_id in strange[:SHOWN])
        ours = ", ".join(repr(image_id) for image_id in list(listed)[:SHOWN]) or "none"
        raise DatasetError(
            f"{file.path}: {count} of {file.count} annotations name an image that it does not list: image_id "
            f"{theirs}, while images have the ids {ours}; correct the one or the other, or take the "
            "annotations of other images out"
        )

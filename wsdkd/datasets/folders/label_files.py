"""Files of labels beside pictures: a label a line, labels in a line, lines with boxes, or JSON.

A file lies beside its picture, or in a folder such as ``labels`` where the picture's is ``images``. A line
with a box begins with the number of its class, as YOLO writes it, or with its name. JSON is of LabelMe, with
a label in each of its ``shapes`` and flags of the whole picture, of Supervisely, with ``objects`` and
``tags``, or has labels under a usual key. Boxes and outlines are not read.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from wsdkd.datasets.folders.lines import holds_a_box, label_before_box, without_heads
from wsdkd.datasets.labels.class_lists import ClassList, are_numbers, class_list_beside
from wsdkd.datasets.labels.texts import read_label_cells
from wsdkd.datasets.labels.words import Labels, shown
from wsdkd.datasets.params import FoldersDataset
from wsdkd.datasets.reading.names import class_name
from wsdkd.datasets.reading.paths import refusal
from wsdkd.datasets.reading.picture_files import stem
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.reading.words import split_of
from wsdkd.datasets.tables.delimited import decoded
from wsdkd.datasets.tables.label_columns import LABELS, some
from wsdkd.ground.progress import track
from wsdkd.ground.reading import NotReadError, read_regular

MOST_BYTES = 1 << 20
"""Of a text file of labels."""
MOST_JSON_BYTES = 1 << 26
"""Of one of LabelMe, which may hold the picture, too."""
LOOKED_AT = 3
"""Files of JSON that show whether labels stand in them."""
OF_PICTURES = ("images", "image", "img", "imgs", "image_2", "jpegimages")
OF_LABELS = ("labels", "label", "label_2", "labeltxt", "annotations", "ann", "anns", "txt", "json")
"""Names of folders that lie beside each other, in any case of letters."""


class _Names(list[str]):
    """Labels one by one, between which nothing stands."""


class _Unusable(str):
    """Why a text file tells no labels."""


def texts_beside(base: Path, pictures: Sequence[str], files: Sequence[str]) -> dict[str, str]:
    """The file of labels of each picture that has one.

    Args:
        base: folder that paths are relative to.
        pictures: their paths.
        files: all paths.
    """
    there = {path for path in files if path.lower().endswith(".txt")}
    in_json = {path for path in files if path.lower().endswith(".json")}
    beside = _texts_of(pictures, in_json)
    if any(_labels_in(base / path) is not None for path in sorted(beside.values())[:LOOKED_AT]):
        there |= in_json  # other tools keep other things there
    return _texts_of(pictures, there)


def _texts_of(pictures: Sequence[str], there: set[str]) -> dict[str, str]:
    folded = {path.casefold(): path for path in there}
    folders = {part for folder in {path.rpartition("/")[0] for path in folded} for part in folder.split("/")}
    suffixes = [suffix for suffix in (".txt", ".json") if any(path.endswith(suffix) for path in folded)]
    homes: dict[str, list[str]] = {}
    found: dict[str, str] = {}
    for picture in pictures:
        folder, slash, name = picture.casefold().rpartition("/")
        if folder not in homes:
            homes[folder] = _homes(folder, slash, folders)
        for choice in _choices(homes[folder], name, suffixes):
            if choice in folded:
                found[picture] = folded[choice]
                break
    return found


def _homes(folder: str, slash: str, folders: set[str]) -> list[str]:
    # Where the files of labels of a folder's pictures may lie, each with a slash behind it.
    parts = folder.split("/")
    homes = [f"{folder}{slash}"]
    place = max((place for place, part in enumerate(parts) if part in OF_PICTURES), default=None)
    if place is not None:
        others = [other for other in OF_LABELS if other in folders]
        homes += ["/".join((*parts[:place], other, *parts[place + 1 :], "")) for other in others]
    return homes


def _choices(homes: Sequence[str], name: str, suffixes: Sequence[str]) -> Iterator[str]:
    # 1.txt for 1.jpg, or 1.jpg.json as Supervisely has it.
    for home in homes:
        for each in (stem(name), name):
            for suffix in suffixes:
                yield f"{home}{each}{suffix}"


def _labels_in(path: Path) -> list[Any] | None:
    try:
        return _names_of(json.loads(read_regular(path, MOST_JSON_BYTES)))
    except (NotReadError, ValueError, RecursionError):
        return None


def read_label_files(
    root: Path, params: FoldersDataset, texts: Sequence[str | None], notes: list[str]
) -> tuple[list[Labels | str], tuple[str, ...]]:
    """The labels in each file, or why it tells none; and the classes, where their order is told.

    Args:
        root: the dataset's folder.
        params: the folder below it that ``texts`` are relative to, and how they are read.
        texts: paths of the files; None: there is none.
        notes: takes what was detected.

    Raises:
        DatasetError: labels that may be split either way, or a list of classes that cannot be read.
    """
    base = root / params.images
    western: list[str] = []
    lines = [_lines(base, params, text, western) for text in track(texts, "labels", total=len(texts))]
    if any(text is not None and text.lower().endswith(".json") for text in texts):
        notes.append("as LabelMe writes them, whose outlines are not read")
    if western:
        notes.append(f"not UTF-8, and read as Windows-1252: {some(western)}")
    boxes = [isinstance(each, list) and any(map(holds_a_box, each)) for each in lines]
    if any(boxes):
        notes.append("with boxes, as YOLO writes them, which are not read")
        lines = [_before_boxes(each) for each in lines]
    cells: list[Any] = [_cell(each) for each in lines]
    readable = [cell for cell in cells if not isinstance(cell, _Unusable)]
    classes = None if params.classes is None else tuple(map(class_name, params.classes))
    found, told = read_label_cells(
        readable, params.separator, classes=classes, marks=params.marks, source=f"{base}: text files"
    )
    notes += told
    names = None
    if classes is None and are_numbers(found):
        folders = dict.fromkeys((base / text).parent for text in texts if text is not None)
        above = dict.fromkeys(folder.parent for folder in folders if folder not in (root, base))
        labels = {base / text for text in texts if text is not None}
        names = class_list_beside(list(dict.fromkeys((root, base, *above, *folders))), labels)
    elif classes is not None and any(boxes) and are_numbers(found):
        names = ClassList(Path("dataset.classes"), dict(enumerate(classes)))
    if names is not None:
        notes.append(f"numbers are those of {names.path.name}: {min(names.names)} is {names.order[0]!r}")
        found = [names.named(each) for each in found]
    rest = iter(found)
    told_of = [str(cell) if isinstance(cell, _Unusable) else next(rest) for cell in cells]
    return told_of, () if names is None or classes is not None else names.order


def _lines(base: Path, params: FoldersDataset, text: str | None, western: list[str]) -> list[str] | _Unusable:
    if text is None:
        if params.unannotated == "empty":
            return []
        return _Unusable(
            "no file of labels; dataset.unannotated: empty takes it as an image of none of the classes"
        )
    reason = refusal(base, text, params.links)
    if reason is not None:
        return _Unusable(f"{text}: {reason}")
    try:
        most = MOST_JSON_BYTES if text.lower().endswith(".json") else MOST_BYTES
        content, guessed = decoded(read_regular(base / text, most), text, "auto")
    except NotReadError as error:
        return _Unusable(f"{text}: {error}")
    except DatasetError as error:
        return _Unusable(str(error))
    if text.lower().endswith(".json"):
        return _of_json(content, text)
    if guessed is not None:
        western.append(text)
    return without_heads([line.strip() for line in content.splitlines() if line.strip()])


def _of_json(content: str, text: str) -> list[str] | _Unusable:
    try:
        names = _names_of(json.loads(content))
    except (ValueError, RecursionError):
        names = None
    if names is None:
        return _Unusable(
            f"{text}: no JSON with a label in each of its shapes or objects, or a list of labels"
        )
    odd = [name for name in names if not isinstance(name, str) or not name.strip()]
    if odd:
        return _Unusable(f"{text}: label {shown(odd[0])} is no name")
    return _Names(dict.fromkeys(names))


def _names_of(data: Any) -> list[Any] | None:
    # Of LabelMe, of Supervisely, or under a usual key; None where it has none of these.
    if not isinstance(data, dict):
        return None
    try:
        if "shapes" in data:
            flags = [name for name, there in (data.get("flags") or {}).items() if there is True]
            return [shape["label"] for shape in data["shapes"]] + flags
        if isinstance(data.get("objects"), list) and isinstance(data.get("tags"), list):
            tags = [tag["name"] for tag in data["tags"] if split_of(str(tag["name"])) is None]
            return [thing["classTitle"] for thing in data["objects"]] + tags
    except (KeyError, TypeError, AttributeError):
        return None
    lists = [data[key] for key in LABELS if isinstance(data.get(key), list)]
    return next((each for each in lists if all(isinstance(name, str) for name in each)), None)


def _cell(lines: list[str] | _Unusable) -> Any:
    # Of one line, what separates the labels in it is still to be seen.
    if isinstance(lines, _Names):
        return list(lines)
    return lines[0] if isinstance(lines, list) and len(lines) == 1 else lines


def _before_boxes(lines: list[str] | _Unusable) -> list[str] | _Unusable:
    if isinstance(lines, _Unusable | _Names):
        return lines
    names = [label_before_box(line) if holds_a_box(line) else None for line in lines]
    if None in names:
        odd = lines[names.index(None)]
        return _Unusable(f"line {shown(odd)} of its text file is no class with a box, as others are")
    return _Names(dict.fromkeys(name for name in names if name is not None))

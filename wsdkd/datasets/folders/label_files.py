"""Files of labels beside pictures: a label a line, labels in a line, YOLO's objects, or LabelMe's.

A file lies beside its picture, or in a folder ``labels`` where the picture's is ``images``. One of YOLO has a
line an object, which begins with the number of its class. One of LabelMe is JSON, with a label in each of its
``shapes`` and flags of the whole picture. Boxes and outlines are not read.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from wsdkd.datasets.labels.texts import read_label_cells
from wsdkd.datasets.labels.words import Labels, shown
from wsdkd.datasets.params import FoldersDataset
from wsdkd.datasets.reading.names import class_name
from wsdkd.datasets.reading.paths import refusal
from wsdkd.datasets.reading.picture_files import stem
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.tables.delimited import decoded
from wsdkd.datasets.tables.label_columns import some
from wsdkd.ground.progress import track
from wsdkd.ground.reading import NotReadError, read_regular

MOST_BYTES = 1 << 20
"""Of a text file of labels."""
MOST_JSON_BYTES = 1 << 26
"""Of one of LabelMe, which may hold the picture, too."""
LOOKED_AT = 3
"""Files of JSON that show whether LabelMe wrote them."""
NAMES = ("classes.txt", "obj.names", "data.yaml", "data.yml", "dataset.yaml")
"""Where tools that write YOLO's files name the classes, below the root or beside the text files."""

_OBJECT = re.compile(r"(\d+)(\s+-?\d*\.?\d+(e-?\d+)?){4,}", re.IGNORECASE)


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
    labelled = {path for path in files if path.endswith(".json")}
    if any(map(_is_labelme, (base / path for path in sorted(labelled)[:LOOKED_AT]))):
        there |= labelled  # other tools keep other things there
    found = (
        (picture, next((text for text in _texts_of(picture) if text in there), None)) for picture in pictures
    )
    return {picture: text for picture, text in found if text is not None}


def _texts_of(picture: str) -> list[str]:
    parts = stem(picture).split("/")
    beside = "/".join(parts)
    if "images" in parts[:-1]:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    return [f"{path}{suffix}" for path in (beside, "/".join(parts)) for suffix in (".txt", ".json")]


def _is_labelme(path: Path) -> bool:
    try:
        return b'"shapes"' in read_regular(path, MOST_JSON_BYTES)
    except NotReadError:
        return False


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
    if any(text is not None and text.endswith(".json") for text in texts):
        notes.append("as LabelMe writes them, whose outlines are not read")
    if western:
        notes.append(f"not UTF-8, and read as Windows-1252: {some(western)}")
    objects = [isinstance(each, list) and bool(each) and all(map(_OBJECT.fullmatch, each)) for each in lines]
    numbered: tuple[str, ...] = ()
    cells: list[Any] = [_cell(each) for each in lines]
    if any(objects):
        notes.append("as YOLO writes them, whose boxes are not read")
        numbered = _numbered(root, params)
        cells = [
            _classes_of(each, is_yolo) if isinstance(each, list) else each
            for each, is_yolo in zip(lines, objects, strict=True)
        ]
    readable = [cell for cell in cells if not isinstance(cell, _Unusable)]
    found, told = read_label_cells(
        readable,
        params.separator,
        numbered=numbered,
        classes=None if params.classes is None else tuple(map(class_name, params.classes)),
        marks=params.marks,
        source=f"{base}: text files",
    )
    notes += told
    rest = iter(found)
    return [str(cell) if isinstance(cell, _Unusable) else next(rest) for cell in cells], numbered


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
        most = MOST_JSON_BYTES if text.endswith(".json") else MOST_BYTES
        content, guessed = decoded(read_regular(base / text, most), text, "auto")
    except NotReadError as error:
        return _Unusable(f"{text}: {error}")
    except DatasetError as error:
        return _Unusable(str(error))
    if text.endswith(".json"):
        return _of_labelme(content, text)
    if guessed is not None:
        western.append(text)
    return [line.strip() for line in content.splitlines() if line.strip()]


def _of_labelme(content: str, text: str) -> list[str] | _Unusable:
    try:
        data = json.loads(content)
        flags = [name for name, there in (data.get("flags") or {}).items() if there is True]
        names = [shape["label"] for shape in data["shapes"]] + flags
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return _Unusable(f"{text}: not as LabelMe writes it: JSON with a label in each of its shapes")
    odd = [name for name in names if not isinstance(name, str) or not name.strip()]
    if odd:
        return _Unusable(f"{text}: label {shown(odd[0])} is no name")
    return _Names(dict.fromkeys(names))


def _cell(lines: list[str] | _Unusable) -> Any:
    # Of one line, what separates the labels in it is still to be seen.
    if isinstance(lines, _Names):
        return list(lines)
    return lines[0] if isinstance(lines, list) and len(lines) == 1 else lines


def _classes_of(lines: list[str], is_yolo: bool) -> list[str] | _Unusable:
    if lines and not is_yolo:
        odd = next(line for line in lines if not _OBJECT.fullmatch(line))
        return _Unusable(f"line {shown(odd)} of its text file is no class with a box, as others are")
    return [match[1] for match in map(_OBJECT.fullmatch, lines) if match]


def _numbered(root: Path, params: FoldersDataset) -> tuple[str, ...]:
    if params.classes is not None:
        return tuple(map(class_name, params.classes))
    folders = (root, root / params.images, root / params.images / "labels")
    path = next((folder / name for folder in folders for name in NAMES if (folder / name).is_file()), None)
    if path is None:
        return ()
    try:
        text, _ = decoded(read_regular(path, MOST_BYTES), str(path), "auto")
    except NotReadError as error:
        raise DatasetError(f"{path}: {error}") from None
    names: Any = [line.strip() for line in text.splitlines() if line.strip()]
    if path.suffix in (".yaml", ".yml"):
        try:
            names = YAML(typ="safe", pure=True).load(text)["names"]
        except (YAMLError, TypeError, KeyError, ValueError, RecursionError):
            raise DatasetError(f"{path}: no list of names in it") from None
        if isinstance(names, dict):
            names = [names.get(place) for place in range(len(names))]
    if not isinstance(names, list) or not all(
        isinstance(name, str | int) and str(name).strip() for name in names
    ):
        raise DatasetError(f"{path}: the names in it are {shown(names)}, expected a list of names")
    return tuple(class_name(str(name)) for name in names)

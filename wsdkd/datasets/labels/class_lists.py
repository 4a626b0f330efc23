"""Files beside a dataset that name the classes whose numbers its labels are.

A list of names, one a line; names with their numbers, as text, CSV or JSON (``id2label``); YAML of YOLO's
tools; ``label_map.pbtxt`` of TensorFlow's.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from wsdkd.datasets.labels.words import Labels, shown
from wsdkd.datasets.reading.names import class_name
from wsdkd.datasets.reading.picture_files import is_hidden, is_picture
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.ground.reading import NotReadError, read_regular

MOST_BYTES = 1 << 20
STEMS = (
    "class", "classes", "classname", "classnames", "classlist", "classmap", "classmapping", "category",
    "categories", "label", "labels", "labelname", "labelnames", "labellist", "labelmap", "labelmapping",
    "names", "obj", "predefinedclasses", "idlabel", "idtolabel", "labelid", "labeltoid", "idname", "idtoname",
    "nametoid", "classtoidx", "idxtoclass", "classtoid", "idtoclass",
)  # fmt: skip
"""Of files that name classes, without what is no letter: ``id2label.json`` is ``idlabel``."""
SURE = ("data.yaml", "data.yml", "dataset.yaml")
"""Names of files that must have a list."""

_BEFORE = re.compile(r"(\d{1,9})\s*[\s:,;=]\s*(\S.*)")
_BEHIND = re.compile(r"(.*\S)\s*[\s:,;=]\s*(\d{1,9})")
_ITEM = re.compile(r"\bitem\s*\{(.*?)\}", re.DOTALL)


@dataclass(frozen=True)
class ClassList:
    """Names of classes by their numbers, and the file that has them."""

    path: Path
    names: Mapping[int, str]

    @property
    def order(self) -> tuple[str, ...]:
        """The names in the order of their numbers."""
        return tuple(name for _, name in sorted(self.names.items()))

    def named(self, labels: Labels | str) -> Labels | str:
        """Labels whose numbers are replaced by names, or the reason why one has none."""
        if isinstance(labels, str):
            return labels
        odd = next((number for each in labels for number in each if int(number) not in self.names), None)
        if odd is not None:
            least, most = min(self.names), max(self.names)
            what = f"number from {least} to {most}" if len(self.names) == most - least + 1 else "number"
            return f"label {odd!r} is no {what}, as {self.path.name} has"
        return Labels(*(tuple(dict.fromkeys(self.names[int(number)] for number in each)) for each in labels))


def are_numbers(labels: Iterable[Labels | str]) -> bool:
    """Whether all labels are numbers, and there are some."""
    names = {name for each in labels if isinstance(each, Labels) for names in each for name in names}
    return bool(names) and all(name.isdecimal() for name in names)


def class_list_beside(folders: Sequence[Path], but: Collection[Path] = ()) -> ClassList | None:
    """The names of classes that a file in one of ``folders`` has.

    Args:
        folders: looked into in this order, not below them.
        but: files that are none, such as the table itself, or those of a picture's labels.

    Raises:
        DatasetError: a file that must have names has none, or two files disagree.
    """
    found: list[ClassList] = []
    for path in dict.fromkeys(path for folder in folders for path in _choices(folder) if path not in but):
        names = _names_in(path)
        if names:
            found.append(ClassList(path, names))
    for other in found[1:]:
        if other.names != found[0].names:
            one, two = found[0].names, other.names
            number = min(key for key in {*one, *two} if one.get(key) != two.get(key))
            raise DatasetError(
                f"{other.path}: class {number} is {two.get(number)!r}, but {one.get(number)!r} in "
                f"{found[0].path}; remove one of them, or name the classes in order: dataset.classes"
            )
    return found[0] if found else None


def is_class_list(path: Path) -> bool:
    """Whether a file names classes, by its name and by what is in it."""
    return _may_name(path) and bool(_names_in(path))


def _choices(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if _may_name(path) and not is_hidden(path.name) and path.is_file()
    )


def _may_name(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix in (".yaml", ".yml", ".pbtxt", ".names", ".labels"):
        return True
    return (
        suffix in (".txt", ".csv", ".tsv", ".json") and re.sub(r"[\W\d_]", "", path.stem.casefold()) in STEMS
    )


def _names_in(path: Path) -> dict[int, str] | None:
    try:
        text = read_regular(path, MOST_BYTES).decode("utf-8-sig")
    except (NotReadError, ValueError) as error:
        if path.name in SURE:
            raise DatasetError(f"{path}: {error}") from None
        return None
    suffix = path.suffix.lower()
    if suffix in (".yaml", ".yml"):
        return _of_yaml(path, text)
    if suffix == ".pbtxt":
        return _of_items(text)
    if suffix == ".json":
        try:
            return _of_value(json.loads(text))
        except (ValueError, RecursionError):
            return None
    return _of_lines([line.strip() for line in text.splitlines() if line.strip()], suffix in (".csv", ".tsv"))


def _of_yaml(path: Path, text: str) -> dict[int, str] | None:
    if "names" not in text and path.name not in SURE:
        return None  # without the time that parsing takes
    try:
        value = YAML(typ="safe", pure=True).load(text)["names"]
    except (YAMLError, TypeError, KeyError, ValueError, RecursionError):
        if path.name in SURE:
            raise DatasetError(f"{path}: no list of names in it") from None
        return None
    names = _of_value(value)
    if names is None:
        raise DatasetError(f"{path}: the names in it are {shown(value)}, expected a list of names")
    return names


def _of_items(text: str) -> dict[int, str] | None:
    found = {}
    for item in _ITEM.findall(text):
        number = re.search(r"\bid\s*:\s*(\d{1,9})", item)
        names = dict(re.findall(r"""\b(name|display_name)\s*:\s*["'](.*?)["']""", item))
        if number and names:
            found[int(number[1])] = class_name(names.get("display_name") or names["name"])
    return found or None


def _of_value(value: Any) -> dict[int, str] | None:
    # A list of names, {"0": "cat"}, {"cat": 0}, [{"id": 0, "name": "cat"}], or one of these below a key.
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        value = {each.get("id"): each.get("name") for each in value}
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict) or not value:
        return None
    if all(
        _is_number(key) and isinstance(name, str | int) and str(name).strip() for key, name in value.items()
    ):
        return {int(key): class_name(str(name)) for key, name in value.items()}
    if all(isinstance(name, str) and _is_number(key) for name, key in value.items()):
        names = {int(key): class_name(name) for name, key in value.items()}
        return names if len(names) == len(value) else None
    for key in ("id2label", "label2id", "names", "classes"):
        if isinstance(value.get(key), dict | list):
            return _of_value(value[key])
    return None


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and re.fullmatch(r"\d{1,9}", str(value).strip()) is not None


def _of_lines(lines: Sequence[str], delimited: bool) -> dict[int, str] | None:
    below = lines[1:] if delimited else lines
    for pattern, number, name in ((_BEFORE, 1, 2), (_BEHIND, 2, 1)):
        matches = [pattern.fullmatch(line) for line in below]
        found = {int(match[number]): class_name(match[name].strip("\"'")) for match in matches if match}
        # Each number once and each name: a table of pictures has some label twice.
        if below and len({*found.values()}) == len(found) == len(below):
            return found
    if delimited or any(is_picture(word) for line in lines for word in line.split()):
        return None
    return {place: class_name(line) for place, line in enumerate(lines)} or None

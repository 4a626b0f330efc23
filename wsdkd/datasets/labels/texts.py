"""The labels that a cell holds: names with something between them, a list, or the number of a class."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from wsdkd.datasets.labels.lists import is_bracketed, list_of
from wsdkd.datasets.labels.vectors import read_vectors, vectors_of
from wsdkd.datasets.labels.words import Labels, NamesError, shown, usual_meaning, word_of
from wsdkd.datasets.reading.names import class_name
from wsdkd.datasets.reading.rejections import DatasetError

SEPARATORS = {";": "semicolons", "|": "'|'"}
"""That hardly stand in names; others are taken for a separator where the labels show it."""
NAMES = ("label", "name", "class", "category", "tag", "label_name", "class_name", "category_name")
"""Keys under which an object in a list has its label."""
LISTS = (
    "labels", "names", "classes", "categories", "tags", "label_names", "class_names", "category_names",
    "choices",
)  # fmt: skip
"""Keys under which an object that stands for all of an image's labels has a list of them."""
MARKS = {"-": "absent", "?": "uncertain"}
NOTHING = "no labels (null); an image of none of the classes has empty ones"


def read_label_cells(
    cells: Sequence[Any],
    separator: str | None,
    *,
    numbered: tuple[str, ...] = (),
    classes: tuple[str, ...] | None = None,
    marks: bool | None = False,
    source: str,
) -> tuple[list[Labels | str], list[str]]:
    """The labels of each cell of a column.

    Args:
        cells: of the column, of which many are equal.
        separator: between names; a blank stands for runs of them; None: a cell is one name;
            ``auto``: detected.
        numbered: names of the classes whose numbers the cells hold, where the file tells them.
        classes: the allowed names, where a parameter tells them; numbers are places among them then.
        marks: whether ``-dog`` says that there is no dog, and ``?dog`` that it is uncertain; None: where dog
            is a label, too.
        source: the file and the column, for messages.

    Returns:
        Labels, or the reason why a cell holds none; and notes on what was detected, as parts of a sentence.

    Raises:
        DatasetError: nobody can tell what separates the names, or which classes the numbers are of.
    """
    vectors = vectors_of(cells)
    if vectors is not None:
        return read_vectors(vectors, numbered or classes or (), NOTHING, source)
    reader = _Reader(cells, separator, numbered, source)
    found = [reader.labels(cell) for cell in cells]
    names = dict.fromkeys(name for labels in found if isinstance(labels, Labels) for name in labels.present)
    notes = list(reader.notes)
    renamed = _places(names, classes, notes)
    marked = {name: MARKS[name[0]] for name in names if name[0] in MARKS and name[1:].strip()}
    if marks is None:
        known = {*names, *(classes or ())}
        if all(class_name(name[1:]) in known for name in marked):
            marks = True
        else:
            odd = next(name for name in marked if class_name(name[1:]) not in known)
            notes.append(f"{odd!r} is taken as a name (dataset.marks: true takes its first letter as a mark)")
    if not renamed and not (marks and marked):
        return found, notes
    if marks and marked:
        notes.append("names after - are absent, after ? uncertain")
    changed: dict[Labels, Labels] = {}
    for labels in found:
        if isinstance(labels, Labels) and labels not in changed:
            changed[labels] = _unmarked(labels, marked if marks else {}, renamed)
    return [changed[labels] if isinstance(labels, Labels) else labels for labels in found], notes


def _places(names: Iterable[str], classes: tuple[str, ...] | None, notes: list[str]) -> dict[str, str]:
    # Where all labels are numbers and no class is one, they are places among the classes.
    if not classes or any(name.isdecimal() for name in classes):
        return {}
    places = {name: int(name) for name in names if re.fullmatch(r"\d{1,5}", name)}
    if not places or len(places) < len(list(names)) or max(places.values()) >= len(classes):
        return {}
    notes.append(f"numbers are places in dataset.classes: 0 is {classes[0]!r}")
    return {name: classes[place] for name, place in places.items()}


def _unmarked(labels: Labels, marked: dict[str, str], renamed: dict[str, str]) -> Labels:
    meant: dict[str, list[str]] = {
        "present": [],
        "absent": [*labels.absent],
        "uncertain": [*labels.uncertain],
    }
    for name in labels.present:
        meaning = marked.get(name, "present")
        meant[meaning].append(renamed.get(name, name) if meaning == "present" else class_name(name[1:]))
    return Labels(*(tuple(meant[each]) for each in ("present", "absent", "uncertain")))


class _Reader:
    def __init__(self, cells: Sequence[Any], separator: str | None, numbered: tuple[str, ...], source: str):
        self.notes: list[str] = []
        self._numbered = numbered
        self._names: dict[str, str] = {}
        self._seen: dict[str, Labels | str] = {}
        texts = {cell for cell in cells if isinstance(cell, str)}
        separator = self._detected(texts, source) if separator == "auto" else separator
        self._separator = separator if separator is None else separator.strip() or " "

    def labels(self, cell: Any) -> Labels | str:
        """The labels of a cell, marks not yet read, or the reason why it holds none."""
        found = self._seen.get(cell) if isinstance(cell, str) else None
        if found is None:
            try:
                found = self._of_text(cell) if isinstance(cell, str) else self._of(cell)
            except NamesError as error:
                found = str(error)
            if isinstance(cell, str):
                self._seen[cell] = found
        return found

    def _of_text(self, cell: str) -> Labels:
        if is_bracketed(cell):
            items = list_of(cell, self._separator)
            if items is not None:
                return self._of(items)
        parts = self._split(cell)
        known = tuple(map(self._names.get, parts))
        return self._of(parts) if None in known else Labels(known)  # type: ignore[arg-type]

    def _of(self, cell: Any) -> Labels:
        if cell is None or (isinstance(cell, float) and math.isnan(cell)):
            raise NamesError(NOTHING)
        if isinstance(cell, dict):
            cell = _labels_within(cell)
        if isinstance(cell, dict):
            return _of_dictionary(cell)
        parts = cell if isinstance(cell, list | tuple) else [cell]
        if parts and all(isinstance(part, dict) for part in parts):
            parts = list(
                dict.fromkeys(_named(part, cell) for part in parts)
            )  # objects, of which some are alike
        return Labels(tuple(self._name(part, cell) for part in parts))

    def _split(self, cell: str) -> list[str]:
        if self._separator is None:
            return [cell] if cell.strip() else []
        if self._separator.isspace():
            return cell.split()
        parts = cell.split(self._separator)
        while parts and not parts[-1].strip():
            parts.pop()  # some tools end each name with the separator
        return parts

    def _name(self, part: Any, cell: Any) -> str:
        if isinstance(part, float) and part.is_integer():
            part = int(part)
        if isinstance(part, int) and not isinstance(part, bool):
            part = str(part)
        if not isinstance(part, str):
            raise NamesError(f"labels {shown(cell)} are not names")
        name = self._names.get(part)
        if name is None:
            name = self._names[part] = self._numbered_name(class_name(part), cell)
        return name

    def _numbered_name(self, name: str, cell: Any) -> str:
        if not name:
            raise NamesError(f"labels {shown(cell)} are not names")
        if not self._numbered or name in self._numbered:
            return name
        place = int(name) if re.fullmatch(r"-?\d{1,9}", name) else -1
        if not 0 <= place < len(self._numbered):
            raise NamesError(f"label {shown(name)} is no number from 0 to {len(self._numbered) - 1}")
        return self._numbered[place]

    def _detected(self, texts: Iterable[str], source: str) -> str | None:
        plain = [text for text in texts if not is_bracketed(text)]
        strong = [each for each in SEPARATORS if any(each in text for text in plain)]
        if len(strong) > 1:
            raise DatasetError(
                f"{source}: its labels may be separated by ';' or by '|', such as {_with(plain, strong[0])}; "
                "say by which: dataset.separator"
            )
        if strong:
            self.notes.append(f"labels separated by {SEPARATORS[strong[0]]}")
            return strong[0]
        if any("," in text for text in plain):
            if 2 * _recurring(plain) < 1:
                raise DatasetError(
                    f"{source}: commas separate labels or stand in their names, as in {_with(plain, ',')}; "
                    "say which: dataset.separator: ',' or null"
                )
            self.notes.append("labels separated by commas")
            return ","
        blank = next((text for text in sorted(plain) if len(text.split()) > 1), None)
        if blank is not None and _each_alone(plain):
            self.notes.append(
                f"labels separated by blanks, as in {class_name(blank)[:40]!r}, whose words are labels of "
                "other rows, too (else: dataset.separator: null)"
            )
            return " "
        if blank is not None:
            self.notes.append(
                f"names with blanks, such as {class_name(blank)[:40]!r} (split by dataset.separator: ' ')"
            )
        return None


def _labels_within(cell: dict[Any, Any]) -> Any:
    # {"choices": [...]} of Label Studio, {"category": [...], "bbox": ...} of the hub, {"name": "cat"} of VIA;
    # as it is where it says yes or no of each class.
    if all(usual_meaning(word_of(value)) is not None for value in cell.values()):
        return cell
    keys = (key for key in (*LISTS, *NAMES) if isinstance(cell.get(key), list | dict | str))
    found = next((cell[key] for key in keys), cell)
    if isinstance(found, str):
        return [found] if found.strip() else []
    plain = isinstance(found, list) and all(isinstance(value, str | int | float) for value in found)
    return list(dict.fromkeys(found)) if plain else found


def _each_alone(texts: Sequence[str]) -> bool:
    # Whether all are numbers; or, in two texts of several words, each word is a whole text elsewhere.
    words_of = [text.split() for text in texts]
    if all(word.isdecimal() for words in words_of for word in words):
        return True
    alone = {words[0] for words in words_of if len(words) == 1}
    several = [words for words in words_of if len(words) > 1]
    return len(several) > 1 and all(word in alone for words in several for word in words)


def _with(texts: Sequence[str], separator: str) -> str:
    return repr(min(text for text in texts if separator in text)[:60])


def _recurring(texts: Sequence[str]) -> float:
    # Of the parts of cells with several of them, the share that stands in other cells, too: labels come
    # in many combinations, while the halves of one name stay together.
    parts = [{class_name(part) for part in text.split(",")} for text in texts]
    count = Counter(part for each in parts for part in each)
    several = {part for each in parts if len(each) > 1 for part in each}
    return sum(count[part] > 1 for part in several) / len(several) if several else 0.0


def _named(thing: dict[Any, Any], cell: Any) -> Any:
    # {"label": "cat", "coordinates": ...}
    name = next((thing[key] for key in NAMES if isinstance(thing.get(key), str | int)), None)
    if name is None:
        raise NamesError(f"labels {shown(cell)} are objects without a name: {', '.join(NAMES)}")
    return name


def _of_dictionary(cell: dict[Any, Any]) -> Labels:
    # {"cat": 1, "dog": 0, "cow": null}
    meant: dict[str, list[str]] = {"present": [], "absent": [], "uncertain": []}
    for name, value in cell.items():
        meaning = usual_meaning(word_of(value))
        if not isinstance(name, str) or not name.strip() or meaning is None:
            raise NamesError(f"labels {shown(cell)} are not names with 1 or 0")
        meant[meaning].append(class_name(name))
    return Labels(*map(tuple, meant.values()))

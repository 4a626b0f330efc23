"""Labels as vectors: a 1 or a 0 for each class, in the order of the classes."""

import re
from collections.abc import Sequence
from typing import Any

from wsdkd.datasets.labels.lists import is_bracketed, list_of
from wsdkd.datasets.labels.words import Labels, NamesError
from wsdkd.datasets.reading.rejections import DatasetError

_TEXT = re.compile(r"\s*[01](\.0*)?([\s,;|]+[01](\.0*)?)+\s*")


def vectors_of(cells: Sequence[Any]) -> list[list[int] | None] | None:
    """The vectors that cells hold, None for an empty cell; None where they hold something else.

    Numbers of classes, ``[0, 1]``, look the same where no number stands twice in a cell, and are none.
    """
    found: list[list[int] | None] = []
    widths, twice = set(), False
    for cell in cells:
        vector = None if cell is None else _vector(cell)
        if vector is not None:
            widths.add(len(vector))
            twice = twice or len(set(vector)) < len(vector)
        if (vector is None and cell is not None) or len(widths) > 1:
            return None
        found.append(vector)
    return found if twice else None


def _vector(cell: Any) -> list[int] | None:
    if isinstance(cell, str):
        try:
            cell = list_of(cell, None) if is_bracketed(cell) else _numbers(cell)
        except NamesError:
            return None
    if not isinstance(cell, list | tuple) or len(cell) < 2:
        return None
    if not all(isinstance(value, int | float) and value in (0, 1) for value in cell):
        return None
    return [int(value) for value in cell]


def _numbers(text: str) -> list[float] | None:
    return [float(each) for each in re.split(r"[\s,;|]+", text.strip())] if _TEXT.fullmatch(text) else None


def read_vectors(
    vectors: Sequence[list[int] | None], names: Sequence[str], missing: str, source: str
) -> tuple[list[Labels | str], list[str]]:
    """The labels of each vector, and a note, as a part of a sentence.

    Args:
        vectors: of equal length; None: there is none.
        names: of the classes in order, where anything tells them.
        missing: what is said of a cell without a vector.
        source: the file and the column, for messages.

    Raises:
        DatasetError: nothing tells the names, or they are not as many as the numbers.
    """
    width = next(len(each) for each in vectors if each is not None)
    if len(names) != width:
        there = f"dataset.classes has {len(names)} names" if names else "nothing names the classes"
        raise DatasetError(
            f"{source}: its cells are {width} numbers, 1 or 0 for a class each, but {there}; "
            f"name all {width} in order: dataset.classes"
        )
    found: list[Labels | str] = [
        missing
        if each is None
        else Labels(tuple(name for name, value in zip(names, each, strict=True) if value))
        for each in vectors
    ]
    return found, [f"a 1 or a 0 for each of the {width} classes in order, the first for {names[0]!r}"]

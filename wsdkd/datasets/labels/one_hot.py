"""Columns that are a class each, with 1 or 0 in their cells."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wsdkd.datasets.labels.words import (
    ABSENT,
    FALSE,
    PRESENT,
    TRUE,
    UNCERTAIN,
    Labels,
    shown,
    usual_meaning,
    word_of,
)
from wsdkd.datasets.reading.rejections import DatasetError

_CODES = {"absent": 0, "present": 1, "uncertain": 2}


def read_one_hot(
    columns: Mapping[str, Sequence[Any]], cells: Mapping[str, str], rows: Sequence[int], source: str
) -> tuple[list[Labels], list[str]]:
    """The labels of each row, and notes on what was detected, as parts of a sentence.

    1 is present and 0 absent, an empty cell or U uncertain; but an empty cell is absent where no other is.
    -1 is uncertain where there is a 0 as well, as in CheXpert, and absent where there is none, as in CelebA.

    Args:
        columns: the cells of each class, by its name.
        cells: what a cell means (present, absent, uncertain), where it is not what is usual.
        rows: numbers of the rows, for messages.
        source: the file, for messages.

    Raises:
        DatasetError: a cell that nobody can tell.
    """
    given = {word_of(cell): meaning for cell, meaning in cells.items()}
    found = {name: {cell: word_of(cell) for cell in set(column)} for name, column in columns.items()}
    words = {word for each in found.values() for word in each.values()}
    minus = "uncertain" if words & set(ABSENT) else "absent"
    blank = "uncertain"
    if "" in words and "" not in given and not words & {*ABSENT, "-1"} and words & {*PRESENT}:
        blank = "absent"  # as in a list of crosses; where all else is a 1, nothing would be absent
    notes = [] if "-1" not in words or "-1" in given else [f"-1 is {minus} (else: dataset.cells)"]
    notes += [] if blank == "uncertain" else ["an empty cell is absent (else: dataset.cells)"]
    codes = np.empty((len(next(iter(columns.values()), ())), len(columns)), np.int8)
    for place, (name, column) in enumerate(columns.items()):
        meaning: dict[Any, int] = {}
        for cell, word in found[name].items():
            odd = {"-1": minus, "": blank}
            told = given.get(word) or odd.get(word) or usual_meaning(word)
            if told is None:
                row = rows[list(column).index(cell)]
                raise DatasetError(
                    f"{source}: column {name!r}, row {row}: {shown(cell)} says neither that the class is "
                    f"there nor that it is not; say what it means: dataset.cells: {{{word!r}: absent}}, say, "
                    "or name the columns that are classes: dataset.labels_columns"
                )
            meaning[cell] = _CODES[told]
        codes[:, place] = np.fromiter(map(meaning.__getitem__, column), np.int8, len(column))
    return _labels(codes, tuple(columns)), notes


def are_one_hot(cells: Sequence[Any], share: float = 1) -> bool:
    """Whether a column has a 1 or a 0 and nothing else but -1 and what is uncertain.

    Args:
        cells: of the column.
        share: of the cells that must be so.
    """
    try:
        times = Counter(cells)
    except TypeError:  # lists, say
        return False
    usual = {"1", "0", "-1", *TRUE, *FALSE, *UNCERTAIN}
    words = {cell: word_of(cell) for cell in times}
    if {*words.values()} == {"x", ""}:
        return True  # a list of crosses
    fitting = sum(count for cell, count in times.items() if words[cell] in usual)
    return bool({*words.values()} & {*PRESENT, *ABSENT}) and fitting >= share * len(cells)


def _labels(codes: np.ndarray, names: tuple[str, ...]) -> list[Labels]:
    # Equal rows share their labels: there are far fewer combinations than images.
    seen: dict[bytes, Labels] = {}
    found = []
    for row in codes:
        key = row.tobytes()
        labels = seen.get(key)
        if labels is None:
            absent, present, uncertain = (
                tuple(names[place] for place in np.flatnonzero(row == code)) for code in range(3)
            )
            labels = seen[key] = Labels(present, absent, uncertain)
        found.append(labels)
    return found

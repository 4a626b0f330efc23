"""Delimited text from strangers: which encoding, which delimiter, whether there is a head.

Excel writes a semicolon where a comma is the decimal sign, a mark of the byte order or none, and the
Windows encoding of its country; CelebA's lists have a count first and runs of blanks. All of that can
be seen in the text, so it is detected, said in a sentence, and overruled by a parameter.
"""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from wsdkd.datasets.reading.picture_files import is_picture
from wsdkd.datasets.reading.rejections import DatasetError

SAMPLE, SAMPLE_ROWS = 1_000_000, 200
"""Characters and rows that show the delimiter."""
MOST_ABOVE = 10
"""Lines above the head."""
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "'|'", " ": "blanks"}
"""In the order in which they are preferred, with their names in sentences."""

_DELIMITED = re.compile(r"[,;\t|]")

# The longer marks first: the one of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Delimited:
    """The rows of a text.

    Attributes:
        head: names of the columns, or None where the text has no head.
        rows: the cells of each row that has any, not stripped.
        notes: what was detected, as parts of a sentence.
    """

    head: list[str] | None
    rows: list[list[str]]
    notes: tuple[str, ...]


def looks_like_a_picture(cell: str) -> bool:
    """Whether a cell's text ends as the name of a picture's file does."""
    return is_picture(cell.strip())


def decoded(content: bytes, source: str, encoding: str) -> tuple[str, str | None]:
    """The text of a file, and a note where its encoding was guessed.

    Args:
        content: of the file.
        source: its path, for messages.
        encoding: a name that Python knows, or ``auto``: by the mark of the byte order, else UTF-8, else
            Windows-1252, which Excel writes in Western Europe and America.

    Raises:
        DatasetError: the text is not of that encoding.
    """
    guessed = encoding == "auto"
    if guessed:
        encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except LookupError:
        raise DatasetError(
            f"{source}: dataset.encoding: no encoding {encoding!r}; such as utf-8, cp1252, cp1251, cp932"
        ) from None
    except ValueError as error:
        if not guessed or encoding != "utf-8":
            raise DatasetError(
                f"{source}: not {encoding} text: {_place(error)}; see dataset.encoding"
            ) from None
        return _western(content, source, error)
    if "\0" in text:
        raise DatasetError(f"{source}: zero bytes in it; if it is UTF-16 text: dataset.encoding: utf-16-le")
    return text, None


def _western(content: bytes, source: str, error: ValueError) -> tuple[str, str]:
    try:
        text = content.decode("cp1252")
    except ValueError:
        raise DatasetError(
            f"{source}: not UTF-8 text: {_place(error)}; say what it is: dataset.encoding: cp932, say"
        ) from None
    odd = next(word for word in re.split(r"[\s,;|]+", text) if not word.isascii())
    return text, f"not UTF-8, read as Windows-1252 with words such as {odd[:40]!r} (else: dataset.encoding)"


def _place(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"{error.reason} at byte {error.start}"
    return str(error)


def read_delimited(text: str, source: str, delimiter: str, header: bool | None) -> Delimited:
    """Split a text into cells.

    Args:
        text: of the file.
        source: its path, for messages.
        delimiter: between cells; a blank stands for runs of them; ``auto`` detects it.
        header: whether the first row names the columns; None detects it.

    Raises:
        DatasetError: the text is empty or not delimited text, or nobody can tell the delimiter.
    """
    if delimiter != "auto" and len(delimiter) != 1:
        raise DatasetError(f"{source}: dataset.delimiter: one character is expected, got {delimiter!r}")
    told = re.match(r"sep=(.)\r?\n", text)
    if told:
        text = text[told.end() :]
        delimiter = told[1] if delimiter == "auto" else delimiter
    if delimiter == "auto":
        delimiter = _delimiter(text[:SAMPLE], source)
    try:
        rows = list(_rows(text, delimiter))
    except csv.Error as error:
        name = DELIMITERS.get(delimiter, repr(delimiter))
        raise DatasetError(f"{source}: not text separated by {name}: {error}") from None
    above = _lines_above(rows)
    del rows[:above]
    if not rows:
        raise DatasetError(f"{source}: an empty file")
    notes = [f"separated by {DELIMITERS.get(delimiter, repr(delimiter))}"]
    notes += [f"{above} line{'s' if above > 1 else ''} above the head passed over"] if above else []
    if header is None:
        header = not any(map(looks_like_a_picture, rows[0]))
        notes += [] if header else ["without a head, so that columns go by their numbers"]
    return Delimited(rows[0] if header else None, rows[1:] if header else rows, tuple(notes))


def rows_on_top(path: Path, most: int, header: bool | None = None) -> Sequence[Sequence[str]]:
    """The rows, but for the head, of the whole lines within the first ``most`` bytes of a file.

    Args:
        path: of the file.
        most: bytes that are looked at.
        header: as of :func:`read_delimited`.

    Raises:
        OSError: it cannot be opened.
        DatasetError: as of :func:`decoded` and :func:`read_delimited`.
    """
    with path.open("rb") as file:
        content = file.read(most + 1)
    lines = content[:most].rpartition(b"\n")[0] if len(content) > most else content
    text, _ = decoded(lines, str(path), "auto")
    return read_delimited(text, str(path), "auto", header).rows


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    if delimiter == " ":
        lines: Iterator[str] = (line.strip() for line in io.StringIO(text))
        reader = csv.reader(lines, delimiter=" ", skipinitialspace=True, strict=True)
    else:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    return filter(any, reader)


def _lines_above(rows: Sequence[Sequence[str]]) -> int:
    # How many lines are no part of the table: a count as CelebA's lists have, a title, a comment. All have
    # one cell, where the rows have several.
    above = 0
    while above < min(MOST_ABOVE, len(rows) - 1) and _stands_above(rows[above], rows[above + 1 :]):
        above += 1
    wide = len(rows) > above and sum(cell.strip() != "" for cell in rows[above]) > 1
    return above if wide else 0


def _stands_above(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    filled = [cell.strip() for cell in row if cell.strip()]
    if len(filled) > 1 and filled[0].startswith("#"):
        return Counter(map(len, below[:SAMPLE_ROWS])).most_common(1)[0][0] != len(row)
    if len(row) > 1 and any(map(str.isdecimal, filled)):
        return False  # an image's number, with an empty cell behind it
    # What other delimiters stand in is a head, of which one looks at the wrong delimiter.
    return len(filled) <= 1 and not any(
        looks_like_a_picture(cell) or _DELIMITED.search(cell) for cell in filled
    )


class _Fit(NamedTuple):
    """How well a delimiter fits, to be compared; the larger, the better."""

    pictures: bool
    """Most rows have a cell that is the name of a picture, and nothing else."""
    head: int
    """2: as many cells as the rows below; 1: one less, as the first column has no name; 0: another number."""
    share: float
    """Of rows that have the most frequent number of cells."""


def _delimiter(text: str, source: str) -> str:
    fits = {each: fit for each in DELIMITERS if (fit := _fit(text, each)) is not None}
    if not fits:
        return ","
    best = max(fits.values())
    chosen = [each for each, fit in fits.items() if fit == best]
    if len(chosen) > 1 and " " in chosen:
        chosen.remove(" ")  # blanks stand in names, too
    if len(chosen) > 1:
        names = " or ".join(DELIMITERS[each] for each in chosen)
        raise DatasetError(
            f"{source}: its cells may be separated by {names}; say by which: dataset.delimiter: {chosen[0]!r}"
        )
    return chosen[0]


def _fit(text: str, delimiter: str) -> _Fit | None:
    try:
        rows = list(islice(_rows(text, delimiter), SAMPLE_ROWS))
    except csv.Error:
        return None
    del rows[: _lines_above(rows)]
    below = rows[1:] or rows
    if not below:
        return None
    cells, times = Counter(map(len, below)).most_common(1)[0]
    if cells < 2:
        return None
    others = [each for each in DELIMITERS if each not in (delimiter, " ")]
    named = sum(
        any(looks_like_a_picture(cell) and not any(each in cell for each in others) for cell in row)
        for row in below
    )
    head = {cells: 2, cells - 1: 1}.get(len(rows[0]), 0)
    return _Fit(2 * named >= len(below), head, times / len(below))

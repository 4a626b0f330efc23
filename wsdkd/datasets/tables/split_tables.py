"""Splits in a table of their own, a picture and its split a row: ``list_eval_partition.txt`` of CelebA.

Who passes such a table over sets other images aside than everybody else does.
"""

import posixpath
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from wsdkd.datasets.params import TableDataset
from wsdkd.datasets.reading.picture_files import is_picture
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.reading.words import (
    SplitsByPath,
    means_splits,
    names_splits,
    read_splits,
    split_of,
)
from wsdkd.datasets.tables.cells import SEVERAL, Cells, read_cells
from wsdkd.datasets.tables.columns import path_column, split_column
from wsdkd.datasets.tables.delimited import rows_on_top
from wsdkd.datasets.tables.found import Found

SUFFIXES = (".csv", ".tsv", ".txt")
MOST_BYTES = 1 << 26
LOOKED_AT = 1 << 12
"""Bytes that show whether all rows have two cells."""
MOST_WORDS = 8
"""Different words that a column of splits has."""
_NAMED = re.compile(r"split|partition|subset|(^|[\W\d_])set([\W\d_]|$)", re.IGNORECASE)
"""A file so called may have numbers for splits; in others numbers are classes."""


class SplitTable(NamedTuple):
    """Splits by path, and a note on where they stand."""

    splits: SplitsByPath
    note: str


def read_split_table(root: Path, file: str, params: TableDataset, found: Found) -> SplitTable:
    """Read a table that tells the splits of pictures.

    Args:
        root: the dataset's folder.
        file: path of the table, relative to it.
        params: say what words mean, where it is not what is usual.
        found: tells which column holds paths.

    Raises:
        DatasetError: it is missing, no table, tells no splits, or two for one picture.
    """
    own = TableDataset(format="table", root=params.root, file=file, images=params.images)
    cells = read_cells(root, own)
    last = cells.head[-1]
    if split_of(last) is not None or last in cells.read(last):
        cells = read_cells(root, own.model_copy(update={"header": False}))  # no head: names without suffixes
    path, column = _columns(cells, own, found)
    if column is None:
        raise DatasetError(
            f"{cells.source}: no column tells splits; a row has a picture and train, val or test, "
            "see dataset.split_file"
        )
    places, note = read_splits(cells.read(column), column, params.split_names, cells.source)
    splits = SplitsByPath()
    for picture, place in zip(cells.read(path), places, strict=True):
        if place is not None:
            splits.add(str(picture), place, cells.source)
    return SplitTable(splits, f"{note} of {Path(file).name}")


def _columns(cells: Cells, params: TableDataset, found: Found) -> tuple[str, str | None]:
    # Of the path and of the split.
    if len(cells.head) == 2:
        column = split_column(cells, "") or cells.head[1]
        return next(name for name in cells.head if name != column), column
    path = path_column(cells, params, found)
    return path, split_column(cells, path)


def split_tables_among(root: Path, files: Sequence[str]) -> list[str]:
    """Those of ``files``, relative to ``root``, that are tables of a picture and its split."""
    return [file for file in files if file.lower().endswith(SUFFIXES) and _tells_splits(root / file)]


def split_tables_beside(root: Path, file: str) -> list[str]:
    """Tables of splits beside a table of labels, or beside several.

    Args:
        root: the dataset's folder.
        file: path of the table relative to it, a pattern, or several.
    """
    folder = posixpath.dirname(file.partition(SEVERAL)[0])
    if "*" in folder or not (root / folder).is_dir():
        return []
    names = sorted(path.name for path in (root / folder).iterdir() if path.is_file())
    # One text beside each picture is that picture's own, and there may be millions.
    own = {Path(name).stem for name in names if is_picture(name)}
    beside = [posixpath.join(folder, name) for name in names if Path(name).stem not in own]
    return split_tables_among(root, [path for path in beside if path != file])


def _tells_splits(path: Path) -> bool:
    rows = _rows(path, LOOKED_AT)
    if any(len(row) != 2 for row in rows) or len({row[1] for row in rows}) > MOST_WORDS:
        return False
    words: list[Any] = [row[1].strip() for row in _rows(path, MOST_BYTES) if len(row) == 2]
    numbers = _NAMED.search(path.stem) is not None
    return any(
        names_splits(column) or (numbers and means_splits(column, "")) for column in (words, words[1:])
    )


def _rows(path: Path, most: int) -> Sequence[Sequence[str]]:
    # With the head, if there is one; none of a file that cannot be read.
    try:
        return rows_on_top(path, most, header=False)
    except (OSError, DatasetError):
        return ()

"""Whether a file of text is about the pictures of a dataset: by the names that stand in it."""

import json
import posixpath
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from wsdkd.datasets.labels.class_lists import is_class_list
from wsdkd.datasets.reading.picture_files import stem
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.tables.delimited import rows_on_top
from wsdkd.ground.reading import NotReadError, read_regular

LOOKED_AT = 1 << 18
"""Bytes of delimited text that show it."""
MOST_BYTES = 1 << 26
"""Of JSON."""
ROWS = 200


def names_pictures(path: Path, pictures: Collection[str], fewest: int = 1) -> bool:
    """Whether most rows of a table or most values of a JSON file name some of ``pictures``.

    Args:
        path: of the file; of Parquet and of JSON Lines it is taken for granted.
        pictures: names of the pictures without folders and suffixes, in small letters.
        fewest: cells that a row must have.
    """
    suffix = path.suffix.lower()
    if suffix == ".json":
        return any(_stem(text) in pictures for text in _texts_of(path))
    if suffix not in (".csv", ".tsv", ".txt"):
        return True
    if is_class_list(path):
        return False  # whose numbers may be names of pictures by chance
    try:
        rows = rows_on_top(path, LOOKED_AT)[:ROWS]
    except (OSError, DatasetError):
        return suffix != ".txt"
    known = sum(len(row) >= fewest and any(_stem(cell) in pictures for cell in row) for row in rows)
    return bool(rows) and 2 * known >= len(rows)


def _stem(cell: str) -> str:
    return stem(posixpath.basename(cell.strip().replace("\\", "/"))).casefold()


def _texts_of(path: Path) -> Iterator[str]:
    # Keys, and what stands in the lists below them: some of each.
    try:
        whole = json.loads(read_regular(path, MOST_BYTES))
    except (NotReadError, ValueError, RecursionError):
        return
    if isinstance(whole, dict):
        yield from islice(whole, ROWS)
        for each in islice(whole.values(), ROWS):
            yield from _some(each)


def _some(value: Any) -> Iterable[str]:
    return [text for text in value[:ROWS] if isinstance(text, str)] if isinstance(value, list) else ()

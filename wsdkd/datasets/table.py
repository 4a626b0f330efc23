"""A table of one's own: a CSV or Parquet file with a path and labels a row.

Paths are relative to the root; an image's id is its path. The labels of a row stand in one column,
with a separator between them (empty: the image has none of the classes), or in Parquet as a list.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from wsdkd.data.tables import SPLITS, Split
from wsdkd.datasets.params import TableDataset
from wsdkd.datasets.paths import normal, read_text
from wsdkd.datasets.records import DatasetError, ImageRecord, Reading, Rejection


class _UnusableError(ValueError):
    """A row does not tell an image and its labels; the message says why."""


@dataclass(frozen=True)
class _Row:
    path: str
    split: Split
    labels: tuple[str, ...]


def read_table(root: Path, params: TableDataset) -> Reading:
    """Read the table that the parameters name.

    Raises:
        DatasetError: the file is missing, is no table, lacks a column, or has no label at all.
    """
    head, lines = _cells(root, params)
    rows: list[_Row] = []
    rejected: list[Rejection] = []
    for number, line in enumerate(lines, start=1):
        path = ""
        try:
            if len(line) != len(head):
                raise _UnusableError(f"{len(line)} cells, but the head has {len(head)}")
            cells = dict(zip(head, line, strict=True))
            path = _path(cells[params.path_column])
            rows.append(_Row(path, _split(cells, params), _names(cells, params)))
        except _UnusableError as error:
            rejected.append(Rejection("image", path, path, f"row {number}: {error}"))
    classes = params.classes
    if classes is None:
        classes = tuple(sorted({label for row in rows for label in row.labels}))
    if not classes:
        raise DatasetError(f"{root / params.file}: no label in column {params.labels_column!r} of any row")
    places = {label: place for place, label in enumerate(classes)}
    images: list[ImageRecord] = []
    for row in rows:
        unknown = [label for label in row.labels if label not in places]
        if unknown:
            rejected.append(Rejection("image", row.path, row.path, f"label {unknown[0]!r} is not a class"))
            continue
        labels = tuple(sorted({places[label] for label in row.labels}))
        images.append(ImageRecord(row.path, row.path, row.split, labels))
    return Reading(classes, tuple(images), tuple(rejected))


def _cells(root: Path, params: TableDataset) -> tuple[list[str], list[list[Any]]]:
    # The head, which has all columns that the parameters name, and the cells of each row below it.
    head, rows = _parquet(root / params.file) if params.file.endswith(".parquet") else _csv(root, params.file)
    for name in (params.path_column, params.labels_column, params.split_column):
        if name is not None and name not in head:
            hint = ""
            if name == params.split_column:
                hint = "; dataset.split_column: null sets dataset.test_fraction aside instead"
            raise DatasetError(f"{root / params.file}: no column {name!r} in it, but {', '.join(head)}{hint}")
    return head, rows


def _parquet(path: Path) -> tuple[list[str], list[list[Any]]]:
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file") from None
    except pa.ArrowInvalid as error:
        raise DatasetError(f"{path}: not a Parquet file: {error}") from None
    return table.schema.names, [list(row.values()) for row in table.to_pylist()]


def _csv(root: Path, name: str) -> tuple[list[str], list[list[Any]]]:
    path, text = read_text(root, name)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise DatasetError(f"{path}: not CSV: {error}") from None
    if not rows:
        raise DatasetError(f"{path}: an empty file")
    return rows[0], rows[1:]


def _path(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _UnusableError(f"path {value!r} is not a path")
    return normal(value)


def _split(cells: dict[str, Any], params: TableDataset) -> Split:
    if params.split_column is None:
        return "train"  # till some are set aside
    value = cells[params.split_column]
    for split in SPLITS:
        if value == split:
            return split
    raise _UnusableError(f"split {value!r} is not train, val or test")


def _names(cells: dict[str, Any], params: TableDataset) -> tuple[str, ...]:
    value = cells[params.labels_column]
    if value is None:
        raise _UnusableError("no labels (null); an image of none of the classes has empty ones")
    if isinstance(value, str):
        value = [part.strip() for part in value.split(params.separator)] if value.strip() else []
    if not isinstance(value, list) or not all(isinstance(label, str) and label for label in value):
        raise _UnusableError(f"labels {value!r} are not names")
    return tuple(value)

"""The cells of a table, column by column, whatever file holds it: delimited text, JSON or Parquet."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from wsdkd.datasets.params import TableDataset
from wsdkd.datasets.reading.picture_files import is_hidden
from wsdkd.datasets.reading.rejections import DatasetError, Rejection
from wsdkd.datasets.reading.words import splits_of_files
from wsdkd.datasets.tables.arrow import class_names, first_line, holds_pictures
from wsdkd.datasets.tables.cvat import rows_of_cvat
from wsdkd.datasets.tables.delimited import Delimited, decoded, looks_like_a_picture, read_delimited
from wsdkd.datasets.tables.json_rows import entries_of

EXPORTED = (
    "_classes.csv", "_annotations.csv", "_annotations.createml.json",
    "metadata.csv", "metadata.jsonl", "metadata.parquet", "via_region_data.json", "via_project.json",
)  # fmt: skip
"""As Roboflow, the hub and VIA name a table a split, in a folder of its name: ``*/_classes.csv`` is all."""
SEVERAL = ", "
"""Between names or patterns of files that are one table."""
JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True)
class Cells:
    """A table.

    Attributes:
        source: the file, as it should stand in a message.
        head: names of the columns that hold something a label or a path may be read from.
        rows: the number of each row, from 1 below the head; without those that are rejected.
        read: gives the cells of a column, one for each of ``rows``.
        pictures: names of the columns that hold whole pictures.
        class_names: of columns that hold the numbers of classes, the names of these classes.
        rejected: rows that cannot be told apart into cells.
        notes: what was detected, as parts of a sentence.
    """

    source: str
    head: tuple[str, ...]
    rows: Sequence[int]
    read: Callable[[str], Sequence[Any]]
    pictures: tuple[str, ...] = ()
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rejected: tuple[Rejection, ...] = ()
    notes: tuple[str, ...] = ()


def read_cells(root: Path, params: TableDataset) -> Cells:
    """Read the file that the parameters name.

    Raises:
        DatasetError: it is missing, no table, or names two columns the same.
    """
    path = root / params.file
    if root.is_dir() and not path.exists() and ("*" in params.file or SEVERAL in params.file):
        return _joined(root, params)
    if not root.is_dir():
        raise DatasetError(f"{path}: no such file; dataset.root: {root} is not a folder")
    if not path.is_file():
        others = sorted(
            each.name for each in root.iterdir() if each.suffix in (".csv", ".tsv", ".parquet", ".jsonl")
        )
        hint = f"; dataset.file names it, here are {', '.join(others[:5])}" if others else ""
        raise DatasetError(f"{path}: no such file{hint}")
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet(path)
    if suffix == ".xml":
        return _rows_with_keys(
            rows_of_cvat(path), str(path), ("as CVAT writes them, whose boxes are not read",)
        )
    if suffix in (".xlsx", ".xls", ".ods"):
        raise DatasetError(f"{path}: a workbook; save its sheet as CSV, and name that file: dataset.file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from None
    text, note = decoded(content, str(path), params.encoding)
    notes = () if note is None else (note,)
    if suffix in JSON_SUFFIXES:
        entries, rejected, names = entries_of(text, str(path))
        return _rows_with_keys(entries, str(path), notes, rejected, names)
    return _text(text, str(path), params, notes)


def of_guests(name: str) -> bool:
    """Whether a file is what Kaggle's competitions take from their guests, and no table of labels."""
    return "submission" in name.lower()


def _joined(root: Path, params: TableDataset) -> Cells:
    """One table of those of several splits; a column tells the split that the path of each means."""
    found = (path for each in params.file.split(SEVERAL) for path in root.glob(each))
    files = [path.relative_to(root).as_posix() for path in found if not is_hidden(path.name)]
    files = sorted({file for file in files if not of_guests(file)})
    if not files:
        raise DatasetError(f"{root / params.file}: no such file; dataset.file names it")
    splits = splits_of_files(files, params.split_names, str(root))
    parts = [read_cells(root, params.model_copy(update={"file": file})) for file in files]
    notes = [f"{len(files)} tables, each of the split that its path tells"]
    train = splits.index("train") if "train" in splits else 0
    head = parts[train].head
    kept: list[tuple[str, Cells]] = []
    for file, split, part in zip(files, splits, parts, strict=True):
        if split != "train" and len(part.head) == 1 < len(head) and part.head[0] in head:
            notes.append(f"{file} is left out, as it has paths alone and no labels")
            continue
        if set(part.head) != set(head):
            odd = min(set(part.head) ^ set(head))
            raise DatasetError(f"{part.source}: its columns are others than those of {files[train]}: {odd!r}")
        folder, _, _ = file.rpartition("/")
        kept.append((file.partition("/")[0] if folder else split or "", _below(root, folder, part)))
    words = [word for word, part in kept for _ in part.rows]

    def read(name: str) -> Sequence[Any]:
        return words if name not in head else [cell for _, part in kept for cell in part.read(name)]

    return Cells(
        str(root / params.file),
        head if "split" in head else (*head, "split"),
        range(1, len(words) + 1),
        read,
        class_names=parts[train].class_names,
        rejected=tuple(item for _, part in kept for item in part.rejected),
        notes=(*notes, *parts[train].notes),
    )


def _below(root: Path, folder: str, cells: Cells) -> Cells:
    # A table in a folder of a split names the files of its folder, as other splits have theirs of such names.
    def read(name: str) -> Sequence[Any]:
        column = cells.read(name)
        if not any(isinstance(cell, str) and looks_like_a_picture(cell) for cell in column[:20]):
            return column
        paths = [f"{folder}/{cell}" for cell in column]
        return [path if (root / path).is_file() else cell for path, cell in zip(paths, column, strict=True)]

    return replace(cells, read=read) if folder else cells


def _text(text: str, source: str, params: TableDataset, notes: tuple[str, ...]) -> Cells:
    found = read_delimited(text, source, params.delimiter, params.header)
    sizes = Counter(map(len, found.rows))
    if found.head is None:
        head = [str(place) for place in range(1, (max(sizes, key=sizes.__getitem__) if sizes else 1) + 1)]
    else:
        head = [cell.strip() for cell in found.head]
        if sizes and set(sizes) == {len(head) + 1} and any(row[-1].strip() for row in found.rows):
            head.insert(0, "path" if params.path_column == "auto" else params.path_column)
        head = [name or str(place) for place, name in enumerate(head, start=1)]
    _refuse_twice(head, source)
    rows: Sequence[int] = range(1, len(found.rows) + 1)
    kept, rejected = found.rows, []
    if found.head is None and _end_in_labels(found.rows):
        return _with_lists(found, source, notes)
    if set(sizes) - {len(head)}:
        rows, kept = [], []
        for number, row in enumerate(found.rows, start=1):
            if len(row) > len(head) and not any(row[len(head) :]):
                row = row[: len(head)]  # Excel fills short rows up
            if len(row) == len(head):
                rows.append(number)
                kept.append(row)
                continue
            reason = f"row {number}: {len(row)} cells, but the head has {len(head)}"
            rejected.append(Rejection("image", "", "", reason))
    columns = dict(zip(head, zip(*kept, strict=True), strict=True)) if kept else dict.fromkeys(head, ())
    return Cells(
        source, tuple(head), rows, columns.__getitem__, rejected=tuple(rejected), notes=(*notes, *found.notes)
    )


def _end_in_labels(rows: Sequence[Sequence[str]]) -> bool:
    # As Google's tools write: some cells, then a label in each of the rest.
    shortest = min(map(len, rows))
    last = chain(*(row[shortest - 1 :] for row in rows))
    return shortest > 1 and max(map(len, rows)) > shortest and not any(map(looks_like_a_picture, last))


def _with_lists(found: Delimited, source: str, notes: tuple[str, ...]) -> Cells:
    width = min(map(len, found.rows))
    head = [str(place) for place in range(1, width + 1)]
    rows: list[list[Any]] = [
        [*row[: width - 1], [cell for cell in row[width - 1 :] if cell.strip()]] for row in found.rows
    ]
    columns = dict(zip(head, zip(*rows, strict=True), strict=True))
    said = (*notes, *found.notes, f"rows of {width} cells and more, whose last ones are labels")
    return Cells(source, tuple(head), range(1, len(rows) + 1), columns.__getitem__, notes=said)


def _refuse_twice(head: Sequence[str], source: str) -> None:
    twice = next((name for name, times in Counter(head).items() if times > 1), None)
    if twice is not None:
        places = " and ".join(str(place) for place, name in enumerate(head, start=1) if name == twice)
        raise DatasetError(f"{source}: columns {places} are both named {twice!r}; rename one of them")


def _rows_with_keys(
    entries: Sequence[Any],
    source: str,
    notes: tuple[str, ...],
    rejected: Sequence[Rejection] = (),
    names: tuple[str, ...] = (),
) -> Cells:
    rows, kept, bad = [], [], list(rejected)
    for number, entry in enumerate(entries, start=1):
        if isinstance(entry, dict):
            rows.append(number)
            kept.append(entry)
        elif not isinstance(entry, Rejection):
            reason = f"row {number}: {str(entry)[:40]!r} is no object with keys"
            bad.append(Rejection("image", "", "", reason))
    if not kept:
        raise DatasetError(
            f'{source}: no row that is a JSON object, such as {{"path": "a.jpg", "labels": []}}'
        )
    head = dict.fromkeys(key for entry in kept for key in entry)

    def read(name: str) -> list[Any]:
        return [entry.get(name) for entry in kept]

    class_names = {"labels": names} if names else {}
    return Cells(source, tuple(head), rows, read, class_names=class_names, rejected=tuple(bad), notes=notes)


def _parquet(path: Path) -> Cells:
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise DatasetError(f"{path}: not a Parquet file: {first_line(error)}") from None
    schema = file.schema_arrow
    _refuse_twice(schema.names, str(path))
    pictures = tuple(field.name for field in schema if holds_pictures(field.type))
    head = tuple(field.name for field in schema if field.name not in pictures)

    def read(name: str) -> list[Any]:
        try:
            return file.read([name]).column(0).to_pylist()
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DatasetError(f"{path}: column {name!r} cannot be read: {first_line(error)}") from None

    return Cells(
        str(path),
        head,
        range(1, file.metadata.num_rows + 1),
        read,
        pictures=pictures,
        class_names=class_names(schema),
    )

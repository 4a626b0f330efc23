"""A data set as Hugging Face's hub stores it: Parquet or Arrow files with the pictures inside.

No network and no package ``datasets``: what a column holds stands in the schema's metadata. Pictures are
unpacked once, see :mod:`wsdkd.data.photographs`. An image's id is the path that its cell tells, where all
have one of their own, else ``FILE/ROW``.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from wsdkd.datasets.labels.joined import Told, reading_of
from wsdkd.datasets.packed.unpack import Unpacked
from wsdkd.datasets.params import HuggingFaceDataset
from wsdkd.datasets.reading.paths import normal, require_regular
from wsdkd.datasets.reading.records import Reading
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.reading.words import Place, splits_of_files
from wsdkd.datasets.tables.arrow import class_names, first_line, holds_pictures, within
from wsdkd.datasets.tables.cells import Cells
from wsdkd.datasets.tables.label_columns import choose_labels, read_labels, require_column, some
from wsdkd.ground.progress import track
from wsdkd.ground.words import counted

ROWS = 64
"""Of a file, whose pictures are in memory at once."""


class _Picture(NamedTuple):
    """Where the picture of a row lies, what the row calls it, or why it has none."""

    path: str
    name: str
    reason: str | None


class _Row(NamedTuple):
    """A row of a file: its image's id, its split, and what it is called in messages."""

    image_id: str
    split: Place | None
    name: str


@dataclass(frozen=True)
class _File:
    """One file of a data set: its path, its columns, how many rows it has, and the split its name tells."""

    path: Path
    schema: pa.Schema
    rows: int
    split: Place | None

    def batches(self, column: str) -> Iterator[list[Any]]:
        """Values of a column, some rows at a time; as many as there are rows."""
        count = 0
        with _naming(self.path):
            for values in self._values(column):
                for start in range(0, len(values), ROWS):
                    part = values.slice(start, ROWS).to_pylist()
                    count += len(part)
                    yield part
        if count != self.rows:
            raise DatasetError(
                f"{self.path}: damaged: {count} values in column {column!r} of {self.rows} rows"
            )

    def _values(self, column: str) -> Iterator[pa.Array]:
        if self.path.suffix == ".parquet":
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(ROWS, columns=[column]):
                    yield batch.column(0)
        else:
            for batch in _arrow(self.path):
                yield batch.column(self.schema.get_field_index(column))

    def column(self, name: str) -> list[Any]:
        """All values of a column, or of one within it."""
        outer, *inner = [name] if name in self.schema.names else name.split(".")
        return [within(value, inner) for values in self.batches(outer) for value in values]


def read_hugging_face(root: Path, params: HuggingFaceDataset, folder: Path) -> Reading:
    """Read all files of a data set, and unpack their pictures.

    Args:
        root: the dataset's folder.
        params: which columns, and what is allowed.
        folder: an empty one, for the pictures.

    Raises:
        DatasetError: there is no such file, one is damaged or has other columns, the names of some tell no
            split, or nobody can tell which column holds pictures or labels.
    """
    files = _files(root, params)
    cells = _cells(root / params.folder, files)
    image = _image_column(cells, params)
    told: list[str] = []
    if params.group_column is not None:
        require_column(cells, params.group_column)
    rest = [name for name in cells.head if name != params.group_column]
    column, one_hot = choose_labels(cells, params, rest, told)
    labels, order = read_labels(cells, column, one_hot, params, told)
    groups = [None] * len(cells.rows) if params.group_column is None else cells.read(params.group_column)
    pictures = list(_pictures(files, image, folder, len(cells.rows)))
    unpacked = any(picture.path for picture in pictures)
    if not unpacked:  # the cells name pictures that lie beside the files
        pictures = [_Picture(normal(name), name, None if name else reason) for _, name, reason in pictures]
    rows = [
        Told(where.image_id, picture.path, where.split, picture.reason or label, where.name, group)
        for where, picture, label, group in zip(
            _rows(root, files, pictures), pictures, labels, groups, strict=True
        )
    ]
    told.insert(0, f"pictures in column {image}{', unpacked' if unpacked else ' lie beside the files'}")
    size = f"{counted(len(cells.rows), 'row')} in {counted(len(files), 'file')}"
    notes = [f"{cells.source}: {size}; {'; '.join(told)}"]
    reading = reading_of(rows, params, source=cells.source, order=order, notes=notes)
    return replace(reading, unpacked=unpacked)


def _rows(root: Path, files: Sequence[_File], pictures: Sequence[_Picture]) -> Iterator[_Row]:
    names = {picture.name for picture in pictures}
    own = "" not in names and len(names) == len(pictures)
    place = 0
    for file in files:
        name = file.path.relative_to(root).as_posix()
        for row in range(file.rows):
            yield _Row(pictures[place].name if own else f"{name}/{row}", file.split, f"{name}: row {row}")
            place += 1


def _files(root: Path, params: HuggingFaceDataset) -> list[_File]:
    base = root / params.folder
    if not base.is_dir():
        raise DatasetError(f"{base}: not a folder; see dataset.root and dataset.folder")
    # What the package datasets has computed from others stands in cache-*.arrow.
    paths = sorted(
        path
        for path in base.rglob("*")
        if path.suffix in (".parquet", ".arrow")
        and not path.is_dir()
        and not path.name.startswith(("cache-", "."))
    )
    if not paths:
        raise DatasetError(f"{base}: no .parquet or .arrow file in it")
    names = [path.relative_to(base).as_posix() for path in paths]
    splits = splits_of_files(names, params.split_names, str(base))
    files = []
    for path, split in zip(paths, splits, strict=True):
        require_regular(path)
        with _naming(path):
            if path.suffix == ".parquet":
                with pq.ParquetFile(path) as file:
                    files.append(_File(path, file.schema_arrow, file.metadata.num_rows, split))
            else:
                reader = _arrow(path)
                files.append(_File(path, reader.schema, sum(batch.num_rows for batch in reader), split))
        if set(files[-1].schema.names) != set(files[0].schema.names):
            raise DatasetError(
                f"{path}: columns {some(files[-1].schema.names)}, but {files[0].path} has "
                f"{some(files[0].schema.names)}; name the files of one configuration by dataset.folder"
            )
    return files


def _arrow(path: Path) -> Any:
    # Record batches of a stream, as the package datasets writes them, or of a file.
    source = pa.memory_map(str(path))
    try:
        return pa.ipc.open_stream(source)
    except pa.ArrowInvalid:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        return pa.RecordBatchReader.from_batches(
            reader.schema, (reader.get_batch(place) for place in range(reader.num_record_batches))
        )


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"{path}: damaged, or not of its kind: {first_line(error)}") from None


def _cells(base: Path, files: Sequence[_File]) -> Cells:
    schema = files[0].schema
    pictures = tuple(field.name for field in schema if holds_pictures(field.type))
    classes = class_names(schema)
    inner = [name for name in classes if name not in schema.names]
    return Cells(
        str(base),
        (*(name for name in schema.names if name not in pictures), *inner),
        range(1, sum(file.rows for file in files) + 1),
        lambda name: [value for file in files for value in file.column(name)],
        pictures=pictures,
        class_names=classes,
    )


def _image_column(cells: Cells, params: HuggingFaceDataset) -> str:
    if params.image_column != "auto":
        if params.image_column not in cells.pictures:
            require_column(cells, params.image_column)
            raise DatasetError(f"{cells.source}: column {params.image_column!r} holds no pictures")
        return params.image_column
    if len(cells.pictures) != 1:
        found = (
            f"columns {some(cells.pictures)} hold"
            if cells.pictures
            else f"no column of {some(cells.head)} holds"
        )
        remedy = "dataset.image_column" if cells.pictures else "dataset.format: table reads paths"
        raise DatasetError(f"{cells.source}: {found} pictures; see {remedy}")
    return cells.pictures[0]


def _pictures(files: Sequence[_File], column: str, folder: Path, rows: int) -> Iterator[_Picture]:
    values = chain.from_iterable(values for file in files for values in file.batches(column))
    with Unpacked(folder) as unpacked:
        for value in track(values, "unpacking", total=rows):
            name = ""
            if isinstance(value, dict):
                name = str(value.get("path") or "")
                value = value.get("bytes")
            if isinstance(value, bytes) and value:
                yield _Picture(unpacked.add(value), name, None)
            else:
                yield _Picture("", name, "no picture in it")

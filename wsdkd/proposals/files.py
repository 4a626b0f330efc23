"""What files of proposals have in common, and those of NumPy and Parquet; ``matlab`` reads MATLAB's.

Shapes and types are checked here, values in ``from_file``. A file may come from a stranger: no pickle is
read, and what it unpacks to is counted before it takes memory.
"""

import lzma
import math
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wsdkd.ground.errors import UserError, first_line

MAX_RATIO, ALWAYS_ALLOWED = 100, 64 << 20
"""A file may unpack to this many times its own bytes, or to 64 MiB: boxes and scores are not so regular."""

ARRAYS = ("image_ids", "counts", "boxes", "scores")
"""In an .npz archive; the last may be missing."""
COLUMNS = ("image_id", "boxes", "scores")
"""In a Parquet file; the last may be missing."""
BATCH_IMAGES = 256
"""Read at once from a Parquet file."""


class FileError(UserError):
    """A file of proposals is not as it should be; the message names file, image and field."""


@dataclass(frozen=True)
class Columns:
    """Content of a file of proposals.

    Attributes:
        image_ids: one an image, as in the file.
        counts: int64 (N,), boxes of each image, in order of the flat arrays.
        boxes: float64 (R, 4), the four numbers of each box as in the file.
        scores: float64 (R,); None where the file has none.
    """

    image_ids: tuple[str, ...]
    counts: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray | None


def require_room(path: Path, content: int) -> None:
    """Refuse to unpack what would fill the memory.

    Args:
        path: the file.
        content: bytes that it unpacks to, or says that it does.

    Raises:
        FileError: they are too many for the file's size, or for this machine.
    """
    if content > max(ALWAYS_ALLOWED, MAX_RATIO * path.stat().st_size):
        raise FileError(
            f"{path}: unpacks to {content:,} bytes or more, over {MAX_RATIO} times its own size; where it is "
            "to be trusted, write it without compression (numpy.savez, save -v6 in MATLAB)"
        )
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if content > memory:
        raise FileError(f"{path}: holds {content:,} bytes, and this machine's memory {memory:,}")


def read_npz(path: Path) -> Columns:
    """Read arrays ``image_ids`` (N,), ``counts`` (N,), ``boxes`` (R, 4) and, if there, ``scores`` (R,).

    Raises:
        FileError: not such an archive; an array is missing, holds objects (which would be a
            pickle and could run code), or has another shape.
    """
    arrays = _arrays(path)
    for name in ARRAYS[:-1]:
        if name not in arrays:
            raise FileError(f"{path}: {name}: missing; there is {', '.join(arrays) or 'nothing of use'}")
    (ids, counts, boxes), scores = (arrays[name] for name in ARRAYS[:-1]), arrays.get(ARRAYS[-1])
    if ids.dtype.kind not in "Uiu" or ids.ndim != 1:
        raise FileError(f"{path}: image_ids: expected (N,) text or whole numbers, found {_kind(ids)}")
    if counts.dtype.kind not in "iu" or counts.shape != ids.shape or (counts < 0).any():
        raise FileError(
            f"{path}: counts: expected a whole number for each of {len(ids)} images, found {_kind(counts)}"
        )
    total = sum(counts.tolist())  # of whole numbers without end: NumPy's sum would wrap around
    if boxes.dtype.kind not in "iuf" or boxes.shape != (total, 4):
        raise FileError(f"{path}: boxes: expected ({total}, 4) numbers, as counts say, found {_kind(boxes)}")
    if scores is not None and (scores.dtype.kind not in "iuf" or scores.shape != (total,)):
        raise FileError(f"{path}: scores: expected ({total},) numbers, as counts say, found {_kind(scores)}")
    return Columns(
        tuple(str(value) for value in ids.tolist()),
        counts.astype(np.int64),
        boxes.astype(np.float64),
        None if scores is None else scores.astype(np.float64),
    )


def _arrays(path: Path) -> dict[str, Any]:
    # Those that are there. All headers are read before any array takes memory.
    with path.open("rb") as file:
        if file.read(6) == np.lib.format.MAGIC_PREFIX:
            raise FileError(f"{path}: not an .npz archive but a single array")
        with _in_words(path, "not an .npz archive of plain arrays"):
            archive = zipfile.ZipFile(file)
        there = {name: f"{name}.npy" for name in ARRAYS if f"{name}.npy" in archive.namelist()}
        content, arrays = 0, {}
        for name, member in there.items():
            with _in_words(path, f"{name}: cannot be read as a plain array"), archive.open(member) as packed:
                content += _declared(packed)
        require_room(path, content)
        for name, member in there.items():
            with _in_words(path, f"{name}: cannot be read as a plain array"), archive.open(member) as packed:
                arrays[name] = np.lib.format.read_array(packed, allow_pickle=False)
    return arrays


def _declared(packed: IO[bytes]) -> int:
    # Bytes of an array, by its header.
    version = np.lib.format.read_magic(packed)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(packed)
    return math.prod(shape, start=dtype.itemsize)


@contextmanager
def _in_words(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except (
        *(ValueError, OSError, EOFError, RuntimeError, MemoryError),
        *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    ) as error:
        raise FileError(f"{path}: {what}: {first_line(error)}") from None


def read_parquet(path: Path) -> Columns:
    """Read columns ``image_id``, ``boxes`` (lists of lists of four) and, if there, ``scores`` (lists).

    Raises:
        FileError: not Parquet; a column is missing or of another type; an image has not four
            numbers a box, or not a score a box.
    """
    table = _table(path)
    for name in COLUMNS[:-1]:
        if name not in table.column_names:
            raise FileError(f"{path}: {name}: missing; the columns are {', '.join(table.column_names)}")
    ids = _column(table, "image_id")
    if not (
        pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type) or pa.types.is_integer(ids.type)
    ):
        raise FileError(f"{path}: image_id: expected text or whole numbers, found {ids.type}")
    if ids.null_count:
        raise FileError(
            f"{path}: image_id: row {_first(ids.is_null().to_numpy(zero_copy_only=False))} is empty"
        )
    names = tuple(str(value) for value in ids.to_pylist())
    boxes, per_image = _lists(path, "boxes", _column(table, "boxes"), names)
    numbers, per_box = _lists(path, "boxes", boxes, None)
    if (per_box != 4).any():
        row = _first(per_box != 4)
        owner = names[int(np.searchsorted(np.cumsum(per_image), row, side="right"))]
        raise FileError(f"{path}: image {owner}: boxes: expected four numbers a box, found {per_box[row]}")
    flat_scores = None
    if "scores" in table.column_names:
        scores, scored = _lists(path, "scores", _column(table, "scores"), names)
        if (per_image != scored).any():
            row = _first(per_image != scored)
            raise FileError(f"{path}: image {names[row]}: scores: {scored[row]} for {per_image[row]} boxes")
        flat_scores = _floats(path, "scores", scores)
    return Columns(names, per_image, _floats(path, "boxes", numbers).reshape(-1, 4), flat_scores)


def _table(path: Path) -> pa.Table:
    # By few rows at a time, and counted: a run of one value takes no bytes in the file and eight in memory.
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            columns = [name for name in file.schema_arrow.names if name in COLUMNS]
            content, batches = 0, []
            for batch in file.iter_batches(BATCH_IMAGES, columns=columns):
                content += batch.nbytes
                require_room(path, content)
                batches.append(batch)
            schema = pa.schema([file.schema_arrow.field(name) for name in columns])
            return pa.Table.from_batches(batches, schema)
    except FileError:
        raise
    except (pa.ArrowException, ValueError, OSError, MemoryError) as error:
        raise FileError(f"{path}: not a Parquet file that can be read: {first_line(error)}") from None


def _column(table: pa.Table, name: str) -> Any:
    return pa.concat_arrays(table.column(name).chunks or [pa.array([], table.schema.field(name).type)])


def _lists(path: Path, name: str, column: Any, images: tuple[str, ...] | None) -> tuple[Any, np.ndarray]:
    # What a column of lists holds, in one row, and how much of it each list has.
    kind = column.type
    if pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind):
        column = column.cast(pa.list_(kind.value_type))
    elif not pa.types.is_list(kind):
        raise FileError(f"{path}: {name}: expected lists of numbers, found {kind}")
    if column.null_count:
        row = _first(column.is_null().to_numpy(zero_copy_only=False))
        where = f"image {images[row]}: " if images is not None else ""
        raise FileError(f"{path}: {where}{name}: null in the place of a list")
    return column.flatten(), np.asarray(column.value_lengths(), dtype=np.int64)


def _floats(path: Path, name: str, values: Any) -> np.ndarray:
    if not (pa.types.is_floating(values.type) or pa.types.is_integer(values.type)):
        raise FileError(f"{path}: {name}: expected numbers, found {values.type}")
    # A null becomes NaN here, which is refused with everything else that is not finite.
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)


def _first(wrong: np.ndarray) -> int:
    return int(np.flatnonzero(wrong)[0])


def _kind(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape}"

"""Parquet and NumPy files of proposals, as flat arrays: shapes and types are checked here, values later."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wsdkd.errors import UserError


class FileError(UserError):
    """A file of proposals is not as it should be; the message names file, image and field."""


@dataclass(frozen=True)
class Columns:
    """Content of a file of proposals.

    Attributes:
        image_ids: one an image, as in the file.
        counts: int64 (N,), boxes of each image, in order of the flat arrays.
        boxes: float64 (R, 4), the four numbers of each box as in the file.
        scores: float64 (R,).
    """

    image_ids: tuple[str, ...]
    counts: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray


def read_parquet(path: Path) -> Columns:
    """Read columns ``image_id``, ``boxes`` (lists of lists of four) and ``scores`` (lists).

    Raises:
        FileError: not Parquet; a column is missing or of another type; an image has not four
            numbers a box, or not a score a box.
    """
    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise FileError(f"{path}: not a Parquet file: {error}") from None
    columns = {name: _column(path, table, name) for name in ("image_id", "boxes", "scores")}
    ids = columns["image_id"]
    if not (
        pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type) or pa.types.is_integer(ids.type)
    ):
        raise FileError(f"{path}: image_id: expected text or whole numbers, found {ids.type}")
    if ids.null_count:
        raise FileError(
            f"{path}: image_id: row {_first(ids.is_null().to_numpy(zero_copy_only=False))} is empty"
        )
    names = tuple(str(value) for value in ids.to_pylist())
    boxes, per_image = _lists(path, "boxes", columns["boxes"], names)
    numbers, per_box = _lists(path, "boxes", boxes, None)
    scores, scored = _lists(path, "scores", columns["scores"], names)
    owners = np.repeat(np.arange(len(names)), per_image)
    if (per_box != 4).any():
        row = _first(per_box != 4)
        raise FileError(
            f"{path}: image {names[owners[row]]}: boxes: expected four numbers a box, found {per_box[row]}"
        )
    if (per_image != scored).any():
        row = _first(per_image != scored)
        raise FileError(f"{path}: image {names[row]}: scores: {scored[row]} for {per_image[row]} boxes")
    return Columns(
        names,
        per_image,
        _floats(path, "boxes", numbers).reshape(-1, 4),
        _floats(path, "scores", scores),
    )


def read_npz(path: Path) -> Columns:
    """Read arrays ``image_ids`` (N,), ``counts`` (N,), ``boxes`` (R, 4) and ``scores`` (R,).

    Raises:
        FileError: not such an archive; an array is missing, holds objects (which would be a
            pickle and could run code), or has another shape.
    """
    with path.open("rb") as file:  # opened here, as NumPy leaves open what it cannot read
        ids, counts, boxes, scores = _arrays(path, file)
    if ids.dtype.kind not in "Uiu" or ids.ndim != 1:
        raise FileError(f"{path}: image_ids: expected (N,) text or whole numbers, found {_kind(ids)}")
    if counts.dtype.kind not in "iu" or counts.shape != ids.shape or (counts < 0).any():
        raise FileError(
            f"{path}: counts: expected a whole number for each of {len(ids)} images, found {_kind(counts)}"
        )
    total = int(counts.sum())
    if boxes.dtype.kind not in "iuf" or boxes.shape != (total, 4):
        raise FileError(f"{path}: boxes: expected ({total}, 4) numbers, as counts say, found {_kind(boxes)}")
    if scores.dtype.kind not in "iuf" or scores.shape != (total,):
        raise FileError(f"{path}: scores: expected ({total},) numbers, as counts say, found {_kind(scores)}")
    return Columns(
        tuple(str(value) for value in ids.tolist()),
        counts.astype(np.int64),
        boxes.astype(np.float64),
        scores.astype(np.float64),
    )


def _arrays(path: Path, file: BinaryIO) -> tuple[np.ndarray, ...]:
    broken = (ValueError, zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError)
    try:
        archive = np.load(file, allow_pickle=False)
    except broken as error:
        raise FileError(f"{path}: not an .npz archive of plain arrays: {error}") from None
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise FileError(f"{path}: not an .npz archive but a single array")
    arrays = []
    for name in ("image_ids", "counts", "boxes", "scores"):
        if name not in archive:
            raise FileError(f"{path}: {name}: missing; there is {', '.join(sorted(archive)) or 'nothing'}")
        try:
            array = archive[name]
        except broken as error:
            raise FileError(f"{path}: {name}: cannot be read as a plain array: {error}") from None
        if not isinstance(array, np.ndarray):  # bytes, where a member of the archive is no array
            raise FileError(f"{path}: {name}: cannot be read as a plain array")
        arrays.append(array)
    return tuple(arrays)


def _column(path: Path, table: pa.Table, name: str) -> Any:
    if name not in table.column_names:
        raise FileError(f"{path}: {name}: missing; the columns are {', '.join(table.column_names)}")
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

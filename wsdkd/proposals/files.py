"""Parquet and NumPy files of proposals, as flat arrays: shapes and types are checked here, values later.

MATLAB files of proposals: older ones by SciPy, those of version 7.3 by h5py.
"""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.io

from wsdkd.ground.errors import UserError


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


SCORES = ("boxScores", "scores")


def read_mat(path: Path) -> Columns:
    """Read cell arrays ``images``, ``boxes`` and ``boxScores`` (or ``scores``), a cell an image.

    Raises:
        FileError: not a MATLAB file; a variable is missing; a cell has another shape or type.
    """
    cells = _read_hdf5(path) if h5py.is_hdf5(path) else _read_classic(path)
    images, all_boxes, all_scores = cells
    if not len(images) == len(all_boxes) == len(all_scores):
        raise FileError(
            f"{path}: {len(images)} images, {len(all_boxes)} cells of boxes, {len(all_scores)} of scores"
        )
    names = tuple(_text(path, place, cell) for place, cell in enumerate(images))
    boxes = [_matrix(path, name, cell) for name, cell in zip(names, all_boxes, strict=True)]
    scores = [_cell(path, name, cell) for name, cell in zip(names, all_scores, strict=True)]
    for name, box, score in zip(names, boxes, scores, strict=True):
        if len(box) != len(score):
            raise FileError(f"{path}: image {name}: scores: {len(score)} for {len(box)} boxes")
    return Columns(
        names,
        np.array([len(box) for box in boxes], dtype=np.int64),
        np.concatenate([np.zeros((0, 4)), *boxes]),
        np.concatenate([np.zeros(0), *scores]),
    )


def _read_classic(path: Path) -> tuple[list[Any], list[Any], list[Any]]:
    try:
        content = scipy.io.loadmat(path, variable_names=["images", "boxes", *SCORES])
    except FileNotFoundError:
        raise
    except Exception as error:  # SciPy reports damaged files by exceptions of many kinds
        raise FileError(f"{path}: not a MATLAB file: {error}") from None
    read: list[list[Any]] = []
    for name in _names(path, [key for key in content if not key.startswith("__")]):
        value = content[name]
        if value.dtype != object:
            raise FileError(f"{path}: {name}: expected a cell array, found {value.dtype} {value.shape}")
        read.append(list(value.ravel(order="F")))
    return read[0], read[1], read[2]


def _read_hdf5(path: Path) -> tuple[list[Any], list[Any], list[Any]]:
    try:
        with h5py.File(path, "r") as file:
            read = [_references(path, file, name) for name in _names(path, list(file))]
    except (OSError, RuntimeError, KeyError) as error:
        raise FileError(f"{path}: not a MATLAB file that can be read: {error}") from None
    return read[0], read[1], read[2]


def _references(path: Path, file: Any, name: str) -> list[Any]:
    # A cell array is a table of references to the cells; MATLAB's columns are HDF5's rows.
    table = file[name]
    if not isinstance(table, h5py.Dataset) or h5py.check_ref_dtype(table.dtype) is not h5py.Reference:
        raise FileError(f"{path}: {name}: expected a cell array")
    cells = []
    for reference in table[()].ravel():
        cell = file[reference]
        if not isinstance(cell, h5py.Dataset):
            raise FileError(f"{path}: {name}: a cell holds neither numbers nor text")
        if cell.attrs.get("MATLAB_empty", 0):
            cells.append(np.zeros((0, 0)))
        elif cell.attrs.get("MATLAB_class") == b"char":
            cells.append(np.array(["".join(chr(code) for code in cell[()].ravel())]))
        else:
            cells.append(np.asarray(cell[()]).T)
    return cells


def _names(path: Path, found: list[str]) -> tuple[str, str, str]:
    scores = next((name for name in SCORES if name in found), None)
    for name in ("images", "boxes"):
        if name not in found:
            raise FileError(
                f"{path}: {name}: missing; there is {', '.join(sorted(found)) or 'nothing of use'}"
            )
    if scores is None:
        raise FileError(f"{path}: {' or '.join(SCORES)}: missing; there is {', '.join(sorted(found))}")
    return "images", "boxes", scores


def _text(path: Path, place: int, cell: Any) -> str:
    values = np.asarray(cell)
    if values.size == 1 and values.dtype.kind in "Uiu":
        return str(values.ravel()[0])
    raise FileError(f"{path}: images: cell {place + 1} is not a text but {values.dtype} {values.shape}")


def _matrix(path: Path, name: str, cell: Any) -> np.ndarray:
    values = np.asarray(cell)
    if values.dtype.kind not in "iuf" or (values.size and (values.ndim != 2 or values.shape[1] != 4)):
        raise FileError(
            f"{path}: image {name}: boxes: expected (n, 4) numbers, found {values.dtype} {values.shape}"
        )
    return values.astype(np.float64).reshape(-1, 4)


def _cell(path: Path, name: str, cell: Any) -> np.ndarray:
    values = np.asarray(cell)
    if values.dtype.kind not in "iuf" or (values.size and max(values.shape) != values.size):
        raise FileError(
            f"{path}: image {name}: scores: expected (n, 1) numbers, found {values.dtype} {values.shape}"
        )
    return values.astype(np.float64).ravel()

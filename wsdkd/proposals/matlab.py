"""MATLAB's files of proposals: older ones by SciPy, those of version 7.3, which are HDF5, by h5py."""

import zlib
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import scipy.io

from wsdkd.ground.errors import first_line
from wsdkd.proposals.files import Columns, FileError, require_room

SCORES = ("boxScores", "scores")
"""The names that the authors' files and others give to the scores."""

Cells = list[Any]

_HEADER_BYTES, _COMPRESSED = 128, 15  # of a file of version 5 to 7, and the kind of a compressed element
_CHUNK = 1 << 20


def read_mat(path: Path) -> Columns:
    """Read cell arrays ``images``, ``boxes`` and, if there, ``boxScores`` or ``scores``, a cell an image.

    Raises:
        FileError: not a MATLAB file; a variable is missing; a cell has another shape or type.
    """
    images, all_boxes, all_scores = _read_hdf5(path) if h5py.is_hdf5(path) else _read_classic(path)
    if len({len(images), len(all_boxes), len(images if all_scores is None else all_scores)}) > 1:
        scored = "" if all_scores is None else f", {len(all_scores)} of scores"
        raise FileError(f"{path}: {len(images)} images, {len(all_boxes)} cells of boxes{scored}")
    names = tuple(_text(path, place, cell) for place, cell in enumerate(images))
    boxes = [_matrix(path, name, cell) for name, cell in zip(names, all_boxes, strict=True)]
    counts = np.array([len(box) for box in boxes], dtype=np.int64)
    flat_boxes = np.concatenate([np.zeros((0, 4)), *boxes])
    if all_scores is None:
        return Columns(names, counts, flat_boxes, None)
    scores = [_column(path, name, cell) for name, cell in zip(names, all_scores, strict=True)]
    for name, box, score in zip(names, boxes, scores, strict=True):
        if len(box) != len(score):
            raise FileError(f"{path}: image {name}: scores: {len(score)} for {len(box)} boxes")
    return Columns(names, counts, flat_boxes, np.concatenate([np.zeros(0), *scores]))


def _read_classic(path: Path) -> tuple[Cells, Cells, Cells | None]:
    try:
        if scipy.io.matlab.matfile_version(path)[0] == 1:  # others compress nothing
            _count_unpacked(path)
        content = scipy.io.loadmat(path, variable_names=["images", "boxes", *SCORES])
    except FileError:
        raise
    except Exception as error:  # SciPy reports damaged files by exceptions of many kinds
        raise FileError(f"{path}: not a MATLAB file: {first_line(error)}") from None
    read: list[Cells | None] = []
    for name in _names(path, [key for key in content if not key.startswith("__")]):
        value = None if name is None else content[name]
        if value is not None and value.dtype != object:
            raise FileError(f"{path}: {name}: expected a cell array, found {value.dtype} {value.shape}")
        read.append(None if value is None else list(value.ravel(order="F")))
    return read[0] or [], read[1] or [], read[2]


def _count_unpacked(path: Path) -> None:
    # Each variable is a stream of its own, whose length unpacked stands nowhere: so it is unpacked, in parts.
    total = 0
    with path.open("rb") as file:
        order: Literal["big", "little"] = "big" if file.read(_HEADER_BYTES)[-2:] == b"MI" else "little"
        while len(tag := file.read(8)) == 8:
            kind, size = (int.from_bytes(tag[half : half + 4], order) for half in (0, 4))
            if kind != _COMPRESSED:
                file.seek(size, 1)
                continue
            stream, left = zlib.decompressobj(), size
            while left and (chunk := file.read(min(left, _CHUNK))):
                left -= len(chunk)
                while chunk:
                    total += len(stream.decompress(chunk, _CHUNK))
                    require_room(path, total)
                    chunk = stream.unconsumed_tail


def _read_hdf5(path: Path) -> tuple[Cells, Cells, Cells | None]:
    room = _Room(path)
    try:
        with h5py.File(path, "r") as file:
            images, boxes, scores = (
                None if name is None else _references(file, name, room) for name in _names(path, list(file))
            )
    except FileError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
        raise FileError(f"{path}: not a MATLAB file that can be read: {first_line(error)}") from None
    return images or [], boxes or [], scores


class _Room:
    """Reads datasets of one file as long as all together fit into memory, by the sizes they declare."""

    def __init__(self, path: Path):
        self.path, self.content = path, 0

    def read(self, dataset: h5py.Dataset) -> Any:
        if dataset.is_virtual or dataset.external:
            raise FileError(f"{self.path}: {dataset.name}: lies in another file, which is not read")
        self.content += dataset.size * dataset.dtype.itemsize
        require_room(self.path, self.content)
        return dataset[()]


def _references(file: h5py.File, name: str, room: _Room) -> Cells:
    # A cell array is a table of references to the cells; MATLAB's columns are HDF5's rows.
    table = file[name]
    if not isinstance(table, h5py.Dataset) or h5py.check_ref_dtype(table.dtype) is not h5py.Reference:
        raise FileError(f"{room.path}: {name}: expected a cell array")
    cells: Cells = []
    for reference in room.read(table).ravel():
        cell = file[reference]
        if not isinstance(cell, h5py.Dataset):
            raise FileError(f"{room.path}: {name}: a cell holds neither numbers nor text")
        if cell.attrs.get("MATLAB_empty", 0):
            cells.append(np.zeros((0, 0)))
        elif cell.attrs.get("MATLAB_class") == b"char":
            letters = np.asarray(room.read(cell)).astype("<u2").tobytes()
            cells.append(np.array([letters.decode("utf-16-le", "replace")]))
        else:
            cells.append(np.asarray(room.read(cell)).T)
    return cells


def _names(path: Path, found: list[str]) -> tuple[str, str, str | None]:
    for name in ("images", "boxes"):
        if name not in found:
            raise FileError(
                f"{path}: {name}: missing; there is {', '.join(sorted(found)) or 'nothing of use'}"
            )
    return "images", "boxes", next((name for name in SCORES if name in found), None)


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


def _column(path: Path, name: str, cell: Any) -> np.ndarray:
    values = np.asarray(cell)
    if values.dtype.kind not in "iuf" or (values.size and max(values.shape) != values.size):
        raise FileError(
            f"{path}: image {name}: scores: expected (n, 1) numbers, found {values.dtype} {values.shape}"
        )
    return values.astype(np.float64).ravel()

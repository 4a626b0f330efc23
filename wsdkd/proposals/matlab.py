"""MATLAB's files of proposals: those of versions 5 to 7, and those of version 7.3, which are HDF5.

Cell arrays of numbers and texts are all that such a file holds for us, and the older format is read here.
SciPy reads it whole, but one wrong byte in a file makes its compiled code end the process.
"""

import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import h5py
import numpy as np

from wsdkd.ground.errors import first_line
from wsdkd.proposals.files import Columns, FileError, require_room

SCORES = ("boxScores", "scores")
"""The names that the authors' files and others give to the scores."""

Cell = str | np.ndarray
Cells = list[Cell]
Order = Literal["big", "little"]

_HEADER_BYTES, _CHUNK = 128, 1 << 20
_MATRIX, _COMPRESSED = 14, 15  # kinds of element that hold others
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_LETTERS = {1: "ascii", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_CELL_CLASS, _TEXT_CLASS, _NUMBER_CLASSES = 1, 4, range(6, 16)
_COMPLEX = 1 << 11


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
    boxes = [_matrix_of_boxes(path, name, cell) for name, cell in zip(names, all_boxes, strict=True)]
    counts = np.array([len(box) for box in boxes], dtype=np.int64)
    flat_boxes = np.concatenate([np.zeros((0, 4)), *boxes])
    if all_scores is None:
        return Columns(names, counts, flat_boxes, None)
    scores = [_column_of_scores(path, name, cell) for name, cell in zip(names, all_scores, strict=True)]
    for name, box, score in zip(names, boxes, scores, strict=True):
        if len(box) != len(score):
            raise FileError(f"{path}: image {name}: scores: {len(score)} for {len(box)} boxes")
    return Columns(names, counts, flat_boxes, np.concatenate([np.zeros(0), *scores]))


class _Variable(NamedTuple):
    name: str
    content: Cell | Cells


def _read_classic(path: Path) -> tuple[Cells, Cells, Cells | None]:
    try:
        variables = dict(_variables(path))
    except FileError:
        raise
    except (ValueError, OSError, EOFError, MemoryError, zlib.error) as error:
        raise FileError(f"{path}: not a MATLAB file that can be read: {first_line(error)}") from None
    read: list[Cells | None] = []
    for name in _names(path, list(variables)):
        content = None if name is None else variables[name]
        if content is not None and not isinstance(content, list):
            raise FileError(f"{path}: {name}: expected a cell array, found {_kind(content)}")
        read.append(content)
    return read[0] or [], read[1] or [], read[2]


def _variables(path: Path) -> Iterator[_Variable]:
    # Those that are asked for. The format: "MAT-File Level 5 File Format", The MathWorks.
    unpacked = 0
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
        orders: dict[bytes, Order] = {b"IM": "little", b"MI": "big"}
        order = orders.get(header[126:128])
        if order is None or int.from_bytes(header[124:126], order) != 0x0100:
            raise ValueError("it does not begin as files of versions 5 to 7 do")
        while tag := file.read(8):
            kind, size = (int.from_bytes(tag[half : half + 4], order) for half in (0, 4))
            content = file.read(min(size, path.stat().st_size))
            if len(tag) < 8 or len(content) < size:
                raise ValueError("it ends within a variable")
            if kind == _COMPRESSED:
                content = _unpacked(path, content, unpacked)
                unpacked += len(content)
                found = list(_elements(memoryview(content), order))
            else:
                found = [(kind, memoryview(content))]
            if len(found) != 1 or found[0][0] != _MATRIX:
                raise ValueError("something else than an array stands in the place of a variable")
            variable = _matrix(found[0][1], order, wanted=("images", "boxes", *SCORES))
            if variable is not None:
                yield variable


def _unpacked(path: Path, content: bytes, before: int) -> bytes:
    # How long it is unpacked stands nowhere: so it is unpacked in parts, and counted.
    stream, parts = zlib.decompressobj(), []
    while content:
        parts.append(stream.decompress(content, _CHUNK))
        before += len(parts[-1])
        require_room(path, before)
        content = stream.unconsumed_tail
    if not stream.eof:
        raise ValueError("a compressed variable is cut off")
    return b"".join(parts)


def _elements(data: memoryview, order: Order) -> Iterator[tuple[int, memoryview]]:
    """Kind and content of each element within another one."""
    place = 0
    while place < len(data):
        kind, size = (int.from_bytes(data[place + half : place + half + 4], order) for half in (0, 4))
        start = place + 8
        if kind >> 16:  # up to four bytes stand in the place of the size
            kind, size, start = kind & 0xFFFF, kind >> 16, place + 4
        if start + size > len(data) or (start == place + 4 and size > 4):
            raise ValueError("an element ends beyond the one that it lies in")
        yield kind, data[start : start + size]
        place = start + size
        place += -place % 8


def _matrix(data: memoryview, order: Order, wanted: tuple[str, ...] | None = None) -> _Variable | None:
    """A variable or, where nothing is ``wanted`` by its name, a cell; None for one that is not."""
    parts = list(_elements(data, order))
    if not parts and wanted is None:
        return _Variable("", np.zeros((0, 0)))
    if len(parts) < 3:
        raise ValueError("an array without flags, sizes or name")
    (_, flags), (_, sizes), (_, letters) = parts[:3]
    name = bytes(letters).decode("latin-1")
    if wanted is not None and name not in wanted:
        return None
    flag = int.from_bytes(flags[:4], order)
    shape = tuple(int.from_bytes(sizes[at : at + 4], order) for at in range(0, len(sizes), 4))
    kind, content = flag & 0xFF, parts[3:]
    if kind == _CELL_CLASS and wanted is not None:
        if len(content) != math.prod(shape) or any(part != _MATRIX for part, _ in content):
            raise ValueError(f"{name}: {len(content)} cells, and {math.prod(shape)} by its sizes")
        # Cells within cells are none of ours, so that nothing here goes deeper than this.
        return _Variable(name, [_cell(part, order) for _, part in content])
    if len(content) != 1 or flag & _COMPLEX or not (kind == _TEXT_CLASS or kind in _NUMBER_CLASSES):
        raise ValueError(f"{name or 'a cell'}: neither numbers nor text, but class {kind}")
    return _Variable(name, _values(*content[0], kind == _TEXT_CLASS, shape, order))


def _cell(data: memoryview, order: Order) -> Cell:
    found = _matrix(data, order)
    if found is None or isinstance(found.content, list):
        raise ValueError("a cell within a cell")
    return found.content


def _values(kind: int, content: memoryview, text: bool, shape: tuple[int, ...], order: Order) -> Cell:
    if text and kind in _LETTERS:
        encoding = _LETTERS[kind]
        wide = encoding in ("utf-16", "utf-32")
        return bytes(content).decode(f"{encoding}-{'be' if order == 'big' else 'le'}" if wide else encoding)
    if kind not in _NUMBERS:
        raise ValueError(f"numbers of kind {kind}")
    values = np.frombuffer(content, np.dtype(_NUMBERS[kind]).newbyteorder(">" if order == "big" else "<"))
    if len(values) != math.prod(shape):
        raise ValueError(f"{len(values)} numbers, and {math.prod(shape)} by the sizes of their array")
    return values.reshape(shape, order="F")


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
            cells.append(letters.decode("utf-16-le", "replace"))
        else:
            values = np.asarray(room.read(cell))
            if values.dtype.kind not in "iuf":
                raise FileError(f"{room.path}: {name}: a cell holds neither numbers nor text")
            cells.append(values.T)
    return cells


def _names(path: Path, found: list[str]) -> tuple[str, str, str | None]:
    for name in ("images", "boxes"):
        if name not in found:
            raise FileError(
                f"{path}: {name}: missing; there is {', '.join(sorted(found)) or 'nothing of use'}"
            )
    return "images", "boxes", next((name for name in SCORES if name in found), None)


def _text(path: Path, place: int, cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    if cell.size == 1 and cell.dtype.kind in "iu":
        return str(cell.ravel()[0])
    raise FileError(f"{path}: images: cell {place + 1} is not a text but {_kind(cell)}")


def _matrix_of_boxes(path: Path, name: str, cell: Cell) -> np.ndarray:
    if isinstance(cell, str) or (cell.size and (cell.ndim != 2 or cell.shape[1] != 4)):
        raise FileError(f"{path}: image {name}: boxes: expected (n, 4) numbers, found {_kind(cell)}")
    return cell.astype(np.float64).reshape(-1, 4)


def _column_of_scores(path: Path, name: str, cell: Cell) -> np.ndarray:
    if isinstance(cell, str) or (cell.size and max(cell.shape) != cell.size):
        raise FileError(f"{path}: image {name}: scores: expected (n, 1) numbers, found {_kind(cell)}")
    return cell.astype(np.float64).ravel()


def _kind(cell: Cell) -> str:
    return f"the text {cell[:20]!r}" if isinstance(cell, str) else f"{cell.dtype} {cell.shape}"

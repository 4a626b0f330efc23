"""MATLAB files of proposals: older ones by SciPy, those of version 7.3 by h5py."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io

from wsdkd.proposals.file_formats import Columns, FileError

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
    scores = [_column(path, name, cell) for name, cell in zip(names, all_scores, strict=True)]
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


def _column(path: Path, name: str, cell: Any) -> np.ndarray:
    values = np.asarray(cell)
    if values.dtype.kind not in "iuf" or (values.size and max(values.shape) != values.size):
        raise FileError(
            f"{path}: image {name}: scores: expected (n, 1) numbers, found {values.dtype} {values.shape}"
        )
    return values.astype(np.float64).ravel()

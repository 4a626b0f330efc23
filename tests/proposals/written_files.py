"""Files of proposals in every format, as other programs write them."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.io

IDS = ["a", "b", "c"]


BOXES = [np.array([[1, 2, 11, 22], [3, 4, 13, 9.0]]), np.zeros((0, 4)), np.array([[0, 0, 5.5, 6.0]])]


SCORES = [np.array([0.9, 0.1]), np.zeros(0), np.array([0.5])]


def write_parquet(path: Path, ids: list[Any] = IDS, boxes: Any = BOXES, scores: Any = SCORES) -> Path:
    table = {
        "image_id": ids,
        "boxes": [box if isinstance(box, list) else box.tolist() for box in boxes],
        "scores": [score if isinstance(score, list) else score.tolist() for score in scores],
    }
    pq.write_table(pa.table(table), path)
    return path


def write_npz(path: Path, **changes: Any) -> Path:
    fields = {
        "image_ids": np.array(IDS),
        "counts": np.array([2, 0, 1]),
        "boxes": np.concatenate(BOXES),
        "scores": np.concatenate(SCORES),
    }
    fields |= changes
    np.savez(path, **{name: value for name, value in fields.items() if value is not None})
    return path


def cells(values: list[Any]) -> np.ndarray:
    table = np.empty((1, len(values)), dtype=object)
    for place, value in enumerate(values):
        table[0, place] = value
    return table


def write_mat(path: Path, **changes: Any) -> Path:
    fields = {"images": cells(IDS), "boxes": cells(BOXES), "boxScores": cells([s[:, None] for s in SCORES])}
    fields |= changes
    scipy.io.savemat(path, {name: value for name, value in fields.items() if value is not None})
    return path


def write_mat73(path: Path, boxes: list[np.ndarray] = BOXES, without: str = "") -> Path:
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in (("images", IDS), ("boxes", boxes), ("boxScores", [s[:, None] for s in SCORES])):
            if name == without:
                continue
            references = file.create_dataset(name, (len(values), 1), dtype=h5py.ref_dtype)
            for place, value in enumerate(values):
                where = f"#refs#/{name}{place}"
                if isinstance(value, str):
                    cell = file.create_dataset(where, data=np.array([[ord(c)] for c in value], np.uint16))
                    cell.attrs["MATLAB_class"] = np.bytes_(b"char")
                elif value.size == 0:
                    cell = file.create_dataset(where, data=np.array(value.shape, np.uint64))
                    cell.attrs["MATLAB_empty"] = np.uint8(1)
                else:
                    cell = file.create_dataset(where, data=value.T)
                    cell.attrs["MATLAB_class"] = np.bytes_(b"double")
                references[place, 0] = cell.ref
    return path


WRITERS = {"p.parquet": write_parquet, "n.npz": write_npz, "m.mat": write_mat, "m73.mat": write_mat73}

"""What a file of proposals unpacks to is known before memory is taken."""

import tracemalloc
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io

from tests.proposals.written_files import (
    WRITERS,
    cells,
    write_mat73,
    write_npz,
)
from wsdkd.proposals.files import FileError
from wsdkd.proposals.from_file import read_file


def write_bomb(path: Path) -> Path:
    """A file of less than 700 kB with boxes of 96 MB, all of them alike."""
    boxes, scores = np.zeros((3_000_000, 4)), np.zeros(3_000_000)
    match path.name:
        case "n.npz":
            ids, counts = np.array(["a"]), np.array([len(scores)])
            np.savez_compressed(path, image_ids=ids, counts=counts, boxes=boxes, scores=scores)
        case "m.mat":
            table = {"images": cells(["a"]), "boxes": cells([boxes]), "scores": cells([scores])}
            scipy.io.savemat(path, table, do_compression=True)
        case "m73.mat":
            with h5py.File(write_mat73(path), "r+") as file:
                # Declared and never written: HDF5 would fill it with zeros as it is read.
                cell = file.create_dataset("#refs#/bomb", (4, 3_000_000), "f8", chunks=(4, 1000))
                file["boxes"][0, 0] = cell.ref
        case _:
            every, flat = range(0, 3_000_001, 1000), pa.array(np.zeros(12_000_000))
            columns = {
                "image_id": pa.array([str(number) for number in range(3000)]),
                "boxes": pa.ListArray.from_arrays(every, pa.FixedSizeListArray.from_arrays(flat, 4)),
                "scores": pa.ListArray.from_arrays(every, flat[:3_000_000]),
            }
            pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("name", WRITERS)
def test_what_unpacks_to_far_more_than_its_size_takes_no_memory(tmp_path: Path, name: str) -> None:
    path = write_bomb(tmp_path / name)
    assert path.stat().st_size < 700_000
    tracemalloc.start()
    with pytest.raises(
        FileError, match=rf"^{path}: unpacks to [\d,]+ bytes or more, over 100 times its own size"
    ):
        read_file(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80_000_000  # as much as any file may take


def test_an_array_that_declares_more_than_there_is(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "n.npz")
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 4), }"
    with zipfile.ZipFile(path) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    for shape, reason in (
        (b"(1000000000000, 4)", "unpacks to 32,000,000,000,[0-9]+ bytes"),
        (b"(4, 4)", "boxes: "),
    ):
        text = header.replace(b"(1000000000000, 4)", shape).ljust(117) + b"\n"
        kept["boxes.npy"] = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(96)
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in kept.items():
                archive.writestr(name, content)
        with pytest.raises(FileError, match=f"{path}: {reason}"):
            read_file(path)


def test_an_hdf5_file_that_points_to_another_is_refused(tmp_path: Path) -> None:
    path = write_mat73(tmp_path / "m73.mat")
    (tmp_path / "secret").write_bytes(np.arange(8.0).tobytes())
    with h5py.File(path, "r+") as file:
        outside = [(str(tmp_path / "secret"), 0, 64)]
        cell = file.create_dataset("#refs#/outside", (4, 2), "f8", external=outside)
        file["boxes"][0, 0] = cell.ref
    with pytest.raises(FileError, match=r"m73\.mat: /#refs#/outside: lies in another file"):
        read_file(path)

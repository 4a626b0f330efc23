"""Rows read by their place in the file are those that HDF5 reads."""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from wsdkd.cache.shard import StoredRows, stored_rows

ROWS = 103


@pytest.fixture
def file(tmp_path: Path) -> Iterator[h5py.File]:
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "arrays.h5", "w") as file:
        for name, shape, chunk in (("a", (5,), 7), ("b", (), 10), ("c", (3,), 200)):
            dtype = "<f2" if name == "a" else "<i4"
            file.create_dataset(name, (0, *shape), dtype, maxshape=(None, *shape), chunks=(chunk, *shape))
        # Written in turns, so that an array's chunks do not all follow each other.
        for start in range(0, ROWS, 20):
            for name in ("a", "b", "c"):
                count = min(20, ROWS - start)
                file[name].resize(start + count, axis=0)
                values = rng.integers(-1000, 1000, (count, *file[name].shape[1:]))
                file[name][start:] = values.astype(file[name].dtype)
        file.create_dataset("packed", data=rng.integers(0, 9, (ROWS, 2)), chunks=(8, 2), compression="gzip")
        file.create_dataset("whole", data=rng.integers(0, 9, (ROWS, 2)))
        file.create_dataset("columns", data=rng.integers(0, 9, (ROWS, 4)), chunks=(8, 2))
        file.create_dataset("unwritten", (ROWS, 2), "<f4", chunks=(8, 2))
    with h5py.File(tmp_path / "arrays.h5", "r", rdcc_nbytes=0) as file:
        yield file


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_every_slice_is_what_hdf5_reads(file: h5py.File, name: str) -> None:
    rows = stored_rows(file[name])
    assert isinstance(rows, StoredRows)
    assert rows.shape == file[name].shape
    for start in range(0, ROWS, 3):
        for stop in (start, start + 1, min(start + 8, ROWS), ROWS):
            found, expected = rows[start:stop], file[name][start:stop]
            assert found.dtype == expected.dtype
            assert found.flags.writeable
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["packed", "whole", "columns", "unwritten"])
def test_other_layouts_are_left_to_hdf5(file: h5py.File, name: str) -> None:
    np.testing.assert_array_equal(stored_rows(file[name])[5:19], file[name][5:19])


def test_a_file_that_was_cut_after_it_was_opened_is_noticed(file: h5py.File) -> None:
    rows = stored_rows(file["a"])
    path = Path(file.filename)
    with path.open("r+b") as raw:
        raw.truncate(1000)
    with pytest.raises(OSError, match="the file ends within an array"):
        rows[0:ROWS]

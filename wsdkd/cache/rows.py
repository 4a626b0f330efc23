"""Rows of a shard's arrays, read from the file by their place in it.

HDF5 takes several times longer to find out where the rows of an image lie than it takes to read them. The
places of a finished shard's chunks never change, so they are asked for once.
"""

import os
from bisect import bisect_right
from typing import TypeAlias

import h5py
import numpy as np


class StoredRows:
    """An array of an open shard; a slice is one system call where its chunks follow each other in the file.

    Args:
        dataset: in chunks of whole rows, without filters, each chunk written.
        places: int64 (C,), of the chunks in the file, in bytes.
    """

    def __init__(self, dataset: h5py.Dataset, places: np.ndarray) -> None:
        self._descriptor = dataset.file.id.get_vfd_handle()
        self._dtype, self._rest = dataset.dtype, dataset.shape[1:]
        self._row_bytes = self._dtype.itemsize * int(np.prod(self._rest, dtype=np.int64))
        # Chunks that follow each other in the file are one run: of thousands of places few are kept.
        chunk_bytes = dataset.chunks[0] * self._row_bytes
        first = np.flatnonzero(np.diff(places, prepend=-chunk_bytes - 1) != chunk_bytes)
        starts = first * dataset.chunks[0]
        # Of each run its first row, the first row after it, and where row 0 would be.
        self._starts, self._ends = starts.tolist(), [*starts[1:].tolist(), dataset.shape[0]]
        self._zeros = (places[first] - starts * self._row_bytes).tolist()
        self.shape = dataset.shape

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Rows ``start`` to ``stop``, which must be whole numbers within the array.

        Raises:
            OSError: the file ends too early.
        """
        start, stop = rows.start, rows.stop
        values = np.empty((stop - start, *self._rest), self._dtype)
        if start == stop:
            return values
        run = bisect_right(self._starts, start) - 1
        if stop <= self._ends[run]:
            self._read(values, run, start)
            return values
        first = start
        while start < stop:
            end = min(stop, self._ends[run])
            self._read(values[start - first : end - first], run, start)
            start, run = end, run + 1
        return values

    def _read(self, into: np.ndarray, run: int, row: int) -> None:
        place = self._zeros[run] + row * self._row_bytes
        if os.preadv(self._descriptor, [into], place) != into.nbytes:  # type: ignore[list-item]
            raise OSError("the file ends within an array")


Rows: TypeAlias = StoredRows | h5py.Dataset


def stored_rows(dataset: h5py.Dataset) -> Rows:
    """``dataset`` as :class:`StoredRows` where it is laid out so; HDF5 reads others, to the same values."""
    if dataset.chunks is None or dataset.chunks[1:] != dataset.shape[1:]:
        return dataset
    if dataset.id.get_create_plist().get_nfilters():
        return dataset
    places: dict[int, int] = {}

    def note(chunk: h5py.h5d.StoreInfo) -> None:
        places[chunk.chunk_offset[0] // dataset.chunks[0]] = chunk.byte_offset

    dataset.id.chunk_iter(note)
    count = -(-dataset.shape[0] // dataset.chunks[0])
    if sorted(places) != list(range(count)):
        return dataset
    return StoredRows(dataset, np.array([places[chunk] for chunk in range(count)], dtype=np.int64))

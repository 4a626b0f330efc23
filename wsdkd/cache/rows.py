"""Rows of a shard's arrays, read from the file by their place in it.

HDF5 takes several times longer to find out where the rows of an image lie than it takes to read them. The
places of a finished shard's chunks never change, so they are asked for once.
"""

import os

import h5py
import numpy as np


class StoredRows:
    """An array of an open shard: a slice of it is read by one system call where its chunks follow each other.

    Args:
        dataset: in chunks of whole rows, without filters, each chunk written.
        places: of the chunks in the file, in bytes.
    """

    def __init__(self, dataset: h5py.Dataset, places: list[int]) -> None:
        self._descriptor = dataset.file.id.get_vfd_handle()
        self._dtype, self._rest = dataset.dtype, dataset.shape[1:]
        self._row_bytes = self._dtype.itemsize * int(np.prod(self._rest, dtype=np.int64))
        self._chunk_rows = dataset.chunks[0]
        self._places = places
        self.shape = dataset.shape

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Rows ``start`` to ``stop``, which must be whole numbers within the array.

        Raises:
            OSError: the file ends too early.
        """
        values = np.empty((rows.stop - rows.start, *self._rest), self._dtype)
        if values.nbytes:
            into = values.reshape(-1).view(np.uint8)
            done = 0
            for place, size in self._pieces(rows.start, rows.stop):
                if os.preadv(self._descriptor, [into[done : done + size]], place) != size:
                    raise OSError("the file ends within an array")
                done += size
        return values

    def _pieces(self, start: int, stop: int) -> list[tuple[int, int]]:
        """(place, bytes) in the file of the rows; chunks that follow each other are one piece."""
        chunk_rows, row_bytes = self._chunk_rows, self._row_bytes
        pieces: list[tuple[int, int]] = []
        while start < stop:
            chunk, within = divmod(start, chunk_rows)
            count = min(chunk_rows - within, stop - start)
            place, size = self._places[chunk] + within * row_bytes, count * row_bytes
            if pieces and sum(pieces[-1]) == place:
                pieces[-1] = (pieces[-1][0], pieces[-1][1] + size)
            else:
                pieces.append((place, size))
            start += count
        return pieces


def stored_rows(dataset: h5py.Dataset) -> "StoredRows | h5py.Dataset":
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
    return StoredRows(dataset, [places[chunk] for chunk in range(count)])

"""A shard, to be read: whether a file is a whole one of a known version, its index, and rows of its arrays.

HDF5 takes several times longer to find out where the rows of an image lie than it takes to read them. The
places of a finished shard's chunks never change, so they are asked for once, and rows are then read from the
file by their place in it.
"""

import json
import os
import zlib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from wsdkd.cache.format import ARRAYS, HEAD_BYTES, INDEX_ARRAYS, SCHEMA_VERSION, CacheError
from wsdkd.ground.spool import RowSource


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


def stored_rows(dataset: h5py.Dataset) -> RowSource:
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


COMPLETE = "complete"


@dataclass(frozen=True)
class ShardIndex:
    """The small arrays of a shard, in memory; see :mod:`wsdkd.cache.format` for their meaning."""

    image_ids: tuple[str, ...]
    image_digests: tuple[str, ...]
    region_offsets: np.ndarray
    chosen_offsets: np.ndarray

    def rows(self, array: str, image: int) -> slice:
        """Rows of ``array`` that belong to an image, both views together."""
        if array == "regions":
            return slice(int(self.region_offsets[image]), int(self.region_offsets[image + 1]))
        if array == "logits":
            return slice(2 * int(self.region_offsets[image]), 2 * int(self.region_offsets[image + 1]))
        return slice(int(self.chosen_offsets[2 * image]), int(self.chosen_offsets[2 * image + 2]))


def open_shard(path: Path) -> h5py.File:
    """Open a shard to read.

    Raises:
        CacheError: the file is missing, is not HDF5, was not finished, or is of another version.
    """
    if not path.is_file():
        raise CacheError(f"{path}: this shard is missing; fetch it with dvc pull, or run cache_teacher")
    try:
        # Published files never change, and locks fail on some network file systems. Images come in random
        # order, so HDF5's cache of chunks is a second copy of every byte for nothing.
        file = h5py.File(path, "r", locking=False, rdcc_nbytes=0)
    except OSError as error:
        raise CacheError(f"{path}: cannot be opened, it is incomplete or damaged: {error}") from None
    try:
        _check(file, path)
    except BaseException:
        file.close()
        raise
    return file


def _check(file: h5py.File, path: Path) -> None:
    if not file.attrs.get(COMPLETE, False):
        raise CacheError(f"{path}: incomplete: its writer was stopped; run cache_teacher again")
    found = int(file.attrs.get("schema_version", -1))
    if found != SCHEMA_VERSION:
        raise CacheError(f"{path}: schema_version: {found}, but this code reads {SCHEMA_VERSION}")
    missing = [name for name in (*INDEX_ARRAYS, *ARRAYS) if name not in file]
    if missing:
        raise CacheError(f"{path}: damaged: it has no array {missing[0]}")


def shard_fingerprint_of(file: h5py.File) -> dict[str, str]:
    """The named digests that a shard was written for, common and its own."""
    return {str(name): str(value) for name, value in json.loads(file.attrs["fingerprint"]).items()}


def read_index(file: h5py.File) -> ShardIndex:
    """Read the small arrays of an open shard, checked by their checksums.

    Raises:
        CacheError: an array does not have its checksum.
    """
    arrays = {}
    for name in INDEX_ARRAYS:
        values = file[name][()]
        if zlib.crc32(values.tobytes()) != int(file[name].attrs["crc32"]):
            raise CacheError(f"{file.filename}: {name}: damaged: its checksum differs")
        arrays[name] = values
    return ShardIndex(
        tuple(value.decode() for value in arrays["image_ids"]),
        tuple(value.decode() for value in arrays["image_digests"]),
        arrays["region_offsets"],
        arrays["chosen_offsets"],
    )


def stored_feature_width(features: h5py.Dataset) -> int:
    """D, of an array ``features``, packed or not."""
    packed = features.dtype == np.uint8
    return int(features.shape[1]) - (HEAD_BYTES if packed else 0)


def check_fingerprint(file: h5py.File, expected: Mapping[str, str]) -> bool:
    """Whether an open shard was written for exactly this fingerprint."""
    return shard_fingerprint_of(file) == dict(expected)

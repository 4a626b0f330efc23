"""A shard, to be read: whether a file is the whole one that is listed, its index, and rows of its arrays.

HDF5 takes several times longer to find out where the rows of an image lie than it takes to read them. The
places of a finished shard's chunks never change, so they are asked for once, and rows are then read from the
file by their place in it.
"""

import hashlib
import json
import os
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from wsdkd.cache.format import ARRAYS, HEAD_BYTES, INDEX_ARRAYS, SCHEMA_VERSION, VIEWS, CacheError
from wsdkd.cache.manifest import MANIFEST, ShardEntry, Structure
from wsdkd.ground.spool import RowSource

COMPLETE = "complete"
READ_BYTES = 1 << 20


def open_listed(folder: Path, entry: ShardEntry) -> h5py.File:
    """Open the shard of a cache that is listed so; bytes of HDF5's own are compared before HDF5 sees them.

    Raises:
        CacheError: the file is missing, or not the one that was listed.
    """
    path = folder / entry.file
    _check_is_there(path)
    if path.stat().st_size != entry.bytes:
        raise CacheError(
            f"{path}: incomplete or of another cache: it has {path.stat().st_size} bytes, "
            f"{MANIFEST} says {entry.bytes}; fetch it again (dvc pull), or run cache_teacher"
        )
    if structure_digest(path, entry.structure.rows) != entry.structure.sha256:
        raise CacheError(
            f"{path}: damaged or of another cache: its structure is not the one that {MANIFEST} lists; "
            "fetch it again (dvc pull), or run cache_teacher"
        )
    return open_shard(path)


def open_shard(path: Path) -> h5py.File:
    """Open a shard whose bytes are known to be whole.

    Raises:
        CacheError: the file is missing, is not HDF5, was not finished, or is of another version.
    """
    _check_is_there(path)
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


def _check_is_there(path: Path) -> None:
    if not path.is_file():
        raise CacheError(f"{path}: this shard is missing; fetch it with dvc pull, or run cache_teacher")


def _check(file: h5py.File, path: Path) -> None:
    if not file.attrs.get(COMPLETE, False):
        raise CacheError(f"{path}: incomplete: its writer was stopped; run cache_teacher again")
    found = int(file.attrs.get("schema_version", -1))
    if found != SCHEMA_VERSION:
        raise CacheError(f"{path}: schema_version: {found}, but this code reads {SCHEMA_VERSION}")
    missing = [name for name in (*INDEX_ARRAYS, *ARRAYS) if name not in file]
    if missing:
        raise CacheError(f"{path}: damaged: it has no array {missing[0]}")


@dataclass(frozen=True)
class ShardIndex:
    """The small arrays of a shard, in memory; see :mod:`wsdkd.cache.format` for their meaning."""

    image_ids: tuple[str, ...]
    image_digests: tuple[str, ...]
    region_offsets: np.ndarray
    chosen_offsets: np.ndarray

    def bounds(self, array: str) -> np.ndarray:
        """First row of each part of an array, then the number of rows: int64 (parts + 1,).

        A part is what has a checksum: an image's rows of ``regions`` and ``best``, a view's of the others.
        """
        if array == "regions":
            return self.region_offsets
        if array == "best":
            return np.arange(len(self.region_offsets))
        if array != "logits":
            return self.chosen_offsets
        bounds = np.empty(VIEWS * (len(self.region_offsets) - 1) + 1, np.int64)
        bounds[::VIEWS] = VIEWS * self.region_offsets
        bounds[1::VIEWS] = self.region_offsets[:-1] + self.region_offsets[1:]
        return bounds


def read_index(file: h5py.File) -> ShardIndex:
    """Read the small arrays of an open shard."""
    return ShardIndex(
        tuple(value.decode() for value in file["image_ids"][()]),
        tuple(value.decode() for value in file["image_digests"][()]),
        file["region_offsets"][()],
        file["chosen_offsets"][()],
    )


def shard_fingerprint_of(file: h5py.File) -> dict[str, str]:
    """The named digests that a shard was written for, common and its own."""
    return {str(name): str(value) for name, value in json.loads(file.attrs["fingerprint"]).items()}


def stored_feature_width(features: h5py.Dataset) -> int:
    """D, of an array ``features``, packed or not."""
    packed = features.dtype == np.uint8
    return int(features.shape[1]) - (HEAD_BYTES if packed else 0)


def structure_of(path: Path) -> Structure:
    """Where the rows of a finished shard lie, and the digest of all its other bytes."""
    with open_shard(path) as file:
        places = sorted(
            (chunk.byte_offset, chunk.byte_offset + chunk.size)
            for name in ARRAYS
            for chunk in _chunks(file[name])
        )
    joined: list[tuple[int, int]] = []
    for start, stop in places:
        if joined and joined[-1][1] == start:
            start = joined.pop()[0]
        joined.append((start, stop))
    return Structure(rows=tuple(joined), sha256=structure_digest(path, joined))


def structure_digest(path: Path, rows: Iterable[tuple[int, int]]) -> str:
    """SHA-256 of the bytes of a file outside of these stretches, which ascend."""
    total = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        for start, stop in rows:
            while missing := start - file.tell():
                block = file.read(min(missing, READ_BYTES))
                total.update(block)
                if not block:
                    return total.hexdigest()
            file.seek(stop)
        while block := file.read(READ_BYTES):
            total.update(block)
    return total.hexdigest()


def _chunks(dataset: h5py.Dataset) -> list[h5py.h5d.StoreInfo]:
    chunks: list[h5py.h5d.StoreInfo] = []
    dataset.id.chunk_iter(chunks.append)
    return chunks


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
    places = {chunk.chunk_offset[0] // dataset.chunks[0]: chunk.byte_offset for chunk in _chunks(dataset)}
    count = -(-dataset.shape[0] // dataset.chunks[0])
    if sorted(places) != list(range(count)):
        return dataset
    return StoredRows(dataset, np.array([places[chunk] for chunk in range(count)], dtype=np.int64))

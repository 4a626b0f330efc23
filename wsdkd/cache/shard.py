"""Opening a shard: the one place that decides whether a file is a whole shard of a known version."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from wsdkd.cache.packing import HEAD_BYTES
from wsdkd.cache.schema import ARRAYS, INDEX_ARRAYS, SCHEMA_VERSION, CacheError

COMPLETE = "complete"


@dataclass(frozen=True)
class ShardIndex:
    """The small arrays of a shard, in memory; see :mod:`wsdkd.cache.schema` for their meaning."""

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

"""Finding damage in a cache: in which shard, in which array, at which image."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from wsdkd.cache.format import ARRAYS, CacheError
from wsdkd.cache.manifest import IDS, ShardEntry, read_ids, read_manifest
from wsdkd.cache.shard import open_listed, read_index
from wsdkd.ground.digests import sha256

BLOCK_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Damage:
    """A place that is not as it was written; ``array`` and ``image_id`` where they are known."""

    shard: str
    array: str | None
    image_id: str | None
    reason: str

    def __str__(self) -> str:
        place = [self.shard, self.array, self.image_id and f"image {self.image_id}"]
        return ": ".join([part for part in place if part] + [self.reason])


def verify_cache(folder: Path) -> Iterator[tuple[str, list[Damage]]]:
    """Compare every shard of a cache with the manifest.

    Yields:
        File name of each shard, and its damages, none where it is whole; before them that of the list of
        images, if it is damaged.

    Raises:
        CacheError: ``cache.json`` is missing or unreadable.
    """
    manifest = read_manifest(folder)
    try:
        for _ in read_ids(folder, manifest):
            pass
    except CacheError as error:
        yield IDS, [Damage(IDS, None, None, str(error).removeprefix(f"{folder / IDS}: "))]
    for entry in manifest.shards:
        yield entry.file, list(_damages(folder, entry))


def _damages(folder: Path, entry: ShardEntry) -> Iterator[Damage]:
    path = folder / entry.file
    try:
        if path.is_file() and sha256(path) == entry.sha256:
            return
        found = False
        with open_listed(folder, entry) as file:
            for name in ARRAYS:
                for image_id in _damaged_images(file, name):
                    found = True
                    yield Damage(entry.file, name, image_id, "its checksum differs")
    except CacheError as error:
        yield Damage(entry.file, None, None, str(error).removeprefix(f"{path}: "))
    except OSError as error:
        yield Damage(entry.file, None, None, f"cannot be read: {error}")
    else:
        if not found:
            yield Damage(
                entry.file, None, None, "its SHA-256 differs from the manifest's, in bytes of no image"
            )


def _damaged_images(file: h5py.File, name: str) -> Iterator[str]:
    index, sums = read_index(file), file[f"checksums.{name}"][()]
    bounds = index.bounds(name)
    views = len(sums) // max(1, len(index.image_ids))
    damaged = [part for part, found in enumerate(_checksums(file[name], bounds)) if found != sums[part]]
    yield from dict.fromkeys(index.image_ids[part // views] for part in damaged)


def _checksums(array: h5py.Dataset, bounds: np.ndarray) -> Iterator[int]:
    # CRC-32 of each part. Reading part by part would take longer than reading the bytes.
    most = max(1, BLOCK_BYTES // (array.dtype.itemsize * int(np.prod(array.shape[1:], dtype=np.int64))))
    first = 0
    while first < len(bounds) - 1:
        after = max(first + 1, int(np.searchsorted(bounds, bounds[first] + most, side="right")) - 1)
        block = array[bounds[first] : bounds[after]]
        for start, stop in zip(bounds[first:after], bounds[first + 1 : after + 1], strict=True):
            yield zlib.crc32(np.ascontiguousarray(block[start - bounds[first] : stop - bounds[first]]).data)
        first = after

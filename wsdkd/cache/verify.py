"""Finding damage in a cache: in which shard, in which array, at which image."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

import h5py
import numpy as np

from wsdkd.cache.format import ARRAYS, CacheError
from wsdkd.cache.manifest import Manifest, read_manifest
from wsdkd.cache.shard import ShardIndex, open_shard, read_index, shard_fingerprint_of

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
    """Check every shard of a cache against the manifest and its checksums.

    Yields:
        File name of each shard, and its damages, none where it is whole.

    Raises:
        CacheError: ``cache.json`` is missing or unreadable.
    """
    manifest = read_manifest(folder)
    for number in range(len(manifest.shards)):
        yield manifest.shards[number].file, _verify_entry(folder, manifest, number)


def _verify_entry(folder: Path, manifest: Manifest, number: int) -> list[Damage]:
    entry = manifest.shards[number]
    path = folder / entry.file
    damages = damage_of_shard(path)
    if damages:
        return damages
    with open_shard(path) as file:
        if shard_fingerprint_of(file) != {**manifest.fingerprint, **entry.fingerprint}:
            return [Damage(entry.file, None, None, "its fingerprint is not the manifest's: of another cache")]
        if read_index(file).image_ids != entry.image_ids:
            return [Damage(entry.file, "image_ids", None, "not the images that the manifest lists")]
    with path.open("rb") as raw:
        # Bytes that belong to no array: the structure of the file itself.
        if file_digest(raw, "sha256").hexdigest() != entry.sha256:
            return [Damage(entry.file, None, None, "its SHA-256 differs from the manifest's")]
    return []


def damage_of_shard(path: Path) -> list[Damage]:
    """Damages of one shard, found by the checksums it carries."""
    try:
        with open_shard(path) as file:
            index = read_index(file)
            return [damage for name in ARRAYS for damage in _damage_of_array(file, index, name)]
    except CacheError as error:
        return [Damage(path.name, None, None, str(error).removeprefix(f"{path}: "))]
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        # HDF5 reports a broken structure by any of these.
        return [Damage(path.name, None, None, f"damaged: {error}")]


def _damage_of_array(file: h5py.File, index: ShardIndex, name: str) -> Iterator[Damage]:
    sums = file[f"checksums.{name}"]
    expected = sums[()]
    shard = Path(file.filename).name
    if zlib.crc32(expected.tobytes()) != int(sums.attrs["crc32"]):
        yield Damage(shard, f"checksums.{name}", None, "its checksum differs")
        return
    count = len(index.image_ids)
    last = index.rows(name, count - 1).stop if count else 0
    if len(expected) != count or file[name].shape[0] != last:
        yield Damage(shard, name, None, f"has {file[name].shape[0]} rows, not {last}")
        return
    for first, stop in _blocks(index, name, count, file[name]):
        start = index.rows(name, first).start
        block = file[name][start : index.rows(name, stop - 1).stop]
        for image in range(first, stop):
            rows = index.rows(name, image)
            values = np.ascontiguousarray(block[rows.start - start : rows.stop - start])
            if zlib.crc32(values.data) != expected[image]:
                yield Damage(shard, name, index.image_ids[image], "its checksum differs")


def _blocks(index: ShardIndex, name: str, count: int, array: h5py.Dataset) -> Iterator[tuple[int, int]]:
    # Reading image by image would take longer than reading the bytes.
    row_bytes = array.dtype.itemsize * int(np.prod(array.shape[1:], dtype=np.int64))
    first = 0
    for image in range(count):
        size = (index.rows(name, image).stop - index.rows(name, first).start) * row_bytes
        if size >= BLOCK_BYTES or image == count - 1:
            yield first, image + 1
            first = image + 1

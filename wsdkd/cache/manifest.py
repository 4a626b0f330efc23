"""``cache.json``: what is in a cache, and what went into it, as named digests.

The ids of its images stand beside it in ``images.parquet``: of millions they are hundreds of megabytes, which
as JSON would have to be in memory at once, each as an object.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError

from wsdkd import project
from wsdkd.cache.format import SCHEMA_VERSION, CacheError
from wsdkd.data.parquet import read_batches, write_parquet
from wsdkd.ground.digests import digest, sha256
from wsdkd.ground.errors import UserError
from wsdkd.ground.ids import ID_LAYOUT, IdIndex
from wsdkd.ground.reading import read_json
from wsdkd.ground.sealed import DIGEST, sealed, unsealed
from wsdkd.ground.unpacked import Unpacking, unpack

MANIFEST = "cache.json"
RUNNING = "running.json"
"""Stands in its place where the teacher itself is kept (:mod:`wsdkd.cache.running`)."""
IDS = "images.parquet"
"""The ids of the images, of one shard after the other, in the order of their rows there."""
_IDS_SCHEMA = pa.schema([("image_id", pa.string())])
_READ_ROWS, _READ_BYTES = 65_536, 1 << 20


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Structure(_Strict):
    """What a shard's file has besides rows: HDF5's own bytes, the index, the checksums.

    HDF5 may loop for ever over one flipped bit of its own, so they are compared before it opens the file.
    """

    rows: tuple[tuple[int, int], ...]
    """Where rows lie in the file, ascending: of each stretch the first byte, and the first one after it."""
    sha256: str
    """Of all other bytes, in their order."""


class ShardEntry(_Strict):
    """A shard as the manifest lists it."""

    file: str
    bytes: int
    sha256: str
    """Of the whole file."""
    structure: Structure
    fingerprint: dict[str, str]
    """What went into this shard alone: ``images``, ``labels`` and ``proposals``, each a digest."""
    images: int
    """How many are in it."""


class Manifest(_Strict):
    """What is in the cache and what went in."""

    schema_version: int
    classes: tuple[str, ...]
    feature_dim: int
    fingerprint: dict[str, str]
    """What went into every shard: each named part's digest (:mod:`wsdkd.cache.writing.fingerprint`)."""
    settings: dict[str, Any]
    """The readable values behind some of the digests."""
    ids_sha256: str
    """Of ``images.parquet``."""
    shards: tuple[ShardEntry, ...]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``cache.json`` with the digest of what is in it."""
    data = manifest.model_dump(mode="json")
    with (folder / MANIFEST).open("w", encoding="utf-8") as file:
        json.dump(sealed(data), file, ensure_ascii=False, indent=1)
        file.write("\n")


def read_manifest(folder: Path) -> Manifest:
    """Read ``cache.json`` of a cache.

    Raises:
        CacheError: there is none, it is damaged or edited, or it was written by another version.
    """
    path = folder / MANIFEST
    if (folder / RUNNING).is_file():
        raise CacheError(
            f"{folder}: keeps the teacher itself (cache.kept: teacher), and nothing that it said; for this, "
            "set cache.kept: outputs and run the stage cache_teacher"
        )
    try:
        data = read_json(path, "no finished cache is without one; run the stage cache_teacher, or dvc pull")
    except UserError as error:
        raise CacheError(str(error)) from None
    data, as_written = unsealed(data)
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version != SCHEMA_VERSION:
        raise CacheError(
            f"{path}: schema_version: {version}, but this code reads {SCHEMA_VERSION}; "
            "write the cache again, or use the code that wrote it"
        )
    if not as_written:
        raise CacheError(
            f"{path}: {DIGEST}: is not that of what the file holds, so it was edited or damaged; "
            "fetch the cache again (dvc pull), or run the stage cache_teacher"
        )
    try:
        return Manifest.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(step) for step in first["loc"])
        raise CacheError(f"{path}: {key}: {first['msg']}") from None


def write_ids(folder: Path, ids: Iterable[str]) -> str:
    """Write ``images.parquet``; its SHA-256, for the manifest.

    Args:
        folder: of the cache.
        ids: of all images, of one shard after the other.
    """
    path = folder / IDS
    write_parquet(path, pa.table([pa.array(ids, pa.string())], schema=_IDS_SCHEMA), repeating=())
    return sha256(path)


def read_ids(folder: Path, manifest: Manifest) -> Iterator[str]:
    """The ids of the images of a cache, of one shard after the other, read by parts.

    Raises:
        CacheError: they are missing, damaged or of another cache.
    """
    path, count = folder / IDS, 0
    try:
        if path.is_file() and sha256(path) != manifest.ids_sha256:
            raise CacheError(
                f"{path}: damaged or of another cache: it is not the one that {MANIFEST} lists; "
                "fetch the cache again (dvc pull), or run the stage cache_teacher"
            )
        for batch in read_batches(path, _IDS_SCHEMA, "ids", rows=_READ_ROWS, buffer_size=_READ_BYTES):
            count += batch.num_rows
            yield from batch.column("image_id").to_pylist()
    except UserError as error:
        raise CacheError(str(error)) from None
    listed = sum(entry.images for entry in manifest.shards)
    if count != listed:
        raise CacheError(f"{path}: of another cache: {count} images, and {MANIFEST} lists {listed}")


def index_ids(folder: Path, manifest: Manifest) -> IdIndex:
    """The places of the images of a cache, of one shard after the other, by their ids; mapped from a file.

    Raises:
        CacheError: as of :func:`read_ids`.
        DiskFullError: there is no room for the temporary file.
    """
    unpacking = Unpacking(
        [folder / IDS],
        f"places of the images of a cache, {manifest.ids_sha256}",
        ID_LAYOUT,
        lambda spools: IdIndex(read_ids(folder, manifest)).store(spools),
    )
    return IdIndex.stored(unpack(unpacking, folder.parent, project.shared_by(folder)))


PARTS = {
    "schema": "the layout of the cache",
    "classes": "the classes",
    "teacher_weights": "the teacher's weights",
    "teacher_forward": "the teacher's network, input size or RoI settings",
    "cache": "the parameters of section cache",
    "outputs": "the version of the teacher's forward pass and of the choice of RoIs",
    "software": "the versions of the libraries that compute",
    "images": "the images",
    "labels": "the labels, by which RoIs are chosen",
    "proposals": "the proposals",
}
"""The named parts of a fingerprint, in the order in which differences are told."""


def differences(found: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    """Names of the parts of ``expected`` that ``found`` does not have alike, in the order of PARTS."""
    names = [name for name in PARTS if name in expected]
    return [name for name in names if found.get(name) != expected[name]]


def describe(names: Iterable[str]) -> str:
    """Differing parts in words."""
    return ", ".join(f"{PARTS[name]} ({name})" for name in names)


def images_digest(images: Iterable[tuple[str, str]]) -> str:
    """Digest of (image id, digest of its file) pairs, in the order given."""
    return digest([list(pair) for pair in images])

"""Rows of numbers in a byte each: logits and features of a cache with ``cache.bits: 8``.

A row is the last axis of an array. Stored, it is its low end and its step, in half precision, then a byte a
value: how many steps above the low end. Each row has its own, so that one large logit does not coarsen the
rest of an image, and a row is read by itself. Ends are rounded outwards, so that a value comes back within
half of its row's step.

What a teacher cache looks like on disk: its manifest, its shards, and the arrays in a shard.

A cache is a folder with ``cache.json`` and some ``shard-XXXXX.h5``. A shard holds whole images, each
in two views: the picture as it is, and mirrored, both from a forward pass of their own. Arrays are
flat, with offsets, because a group an image reads eight times slower:

========================  =======  ==========  ==========================================================
array                     type     shape       rows of image i
========================  =======  ==========  ==========================================================
``image_ids``             bytes    (N,)        i; UTF-8
``image_digests``         bytes    (N,)        i; SHA-256 of the picture's file
``region_offsets``        int64    (N + 1,)    its n regions are o[i] to o[i + 1]
``chosen_offsets``        int64    (2N + 1,)   c[2i] to c[2i + 1] plain, c[2i + 1] to c[2i + 2] mirrored
``regions``               float32  (R, 5)      by ``region_offsets``; a box, its objectness
``logits``                float16  (2R, 2, K)  from 2 o[i]: n rows plain, then n mirrored; M^c, M^d in each
``chosen``                records  (C,)        by ``chosen_offsets``; ``region`` int32, ``confidence`` float32
``features``              float16  (C, D)      by ``chosen_offsets``
``checksums.ARRAY``       uint32   (N,)        CRC-32 of the bytes of image i in each array from ``regions``
========================  =======  ==========  ==========================================================

Boxes are (x1, y1, x2, y2) in unmirrored pixels of the original, in both views. ``chosen`` names the regions
that have features, most confident first. What is read together lies together: a view of an image takes four
reads. With ``cache.bits: 8`` the float16 arrays are uint8, packed as :mod:`wsdkd.cache.format` has it.

The named parts of a cache's fingerprint, and how two fingerprints differ.
"""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from wsdkd.ground.digests import digest
from wsdkd.ground.errors import UserError

HEAD = np.dtype("<f2")
HEAD_BYTES = 2 * HEAD.itemsize
STEPS = 255


def pack_rows(values: np.ndarray) -> np.ndarray:
    """Rows as bytes.

    Args:
        values: (..., w), finite, within half precision.

    Returns:
        uint8 (..., HEAD_BYTES + w).
    """
    values = values.astype(np.float32)
    low = _rounded_down(values.min(axis=-1, keepdims=True))
    reach = values.max(axis=-1, keepdims=True) - low.astype(np.float32)
    step = -_rounded_down(-reach / STEPS)
    # Of a row whose values are all alike the step is 0, and so is every count.
    size = np.where(step > 0, step, 1).astype(np.float32)
    counts = np.rint((values - low.astype(np.float32)) / size)
    head = np.concatenate([low, step], axis=-1).view(np.uint8)
    return np.concatenate([head, counts.clip(0, STEPS).astype(np.uint8)], axis=-1)


def unpack_rows(rows: np.ndarray) -> np.ndarray:
    """The values of :func:`pack_rows`: uint8 (..., HEAD_BYTES + w) -> float32 (..., w)."""
    head = np.ascontiguousarray(rows[..., :HEAD_BYTES]).view(HEAD).astype(np.float32)
    result: np.ndarray = rows[..., HEAD_BYTES:] * head[..., 1:] + head[..., :1]
    return result


def _rounded_down(values: np.ndarray) -> np.ndarray:
    half = values.astype(HEAD)
    above = half.astype(np.float32) > values
    half[above] = np.nextafter(half[above], HEAD.type(-np.inf))
    return half


SCHEMA_VERSION = 2
"""Raised with every change of what is written here; readers of another version refuse."""

MANIFEST = "cache.json"
VIEWS = 2
HDF5_VERSION = ("v110", "v110")
"""Lowest and highest format of the objects in a file: fixed, so that equal inputs give equal bytes."""

SMALLEST_CHUNK = 16 * 1024
LARGEST_CHUNK = 4 * 1024 * 1024

ARRAYS = ("regions", "logits", "chosen", "features")
PACKED_ARRAYS = ("logits", "features")
PACKED_BITS = 8
INDEX_ARRAYS = ("image_ids", "image_digests", "region_offsets", "chosen_offsets")

CHOSEN = np.dtype([("region", "<i4"), ("confidence", "<f4")])
DTYPES: dict[str, np.dtype[Any]] = {
    "regions": np.dtype("<f4"),
    "logits": np.dtype("<f2"),
    "chosen": CHOSEN,
    "features": np.dtype("<f2"),
}


class CacheError(UserError):
    """A teacher cache is missing, incomplete, damaged, or not the one that is asked for."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ShardEntry(_Strict):
    """A shard as the manifest lists it."""

    file: str
    bytes: int
    sha256: str
    """Of the whole file."""
    fingerprint: dict[str, str]
    """What went into this shard alone: ``images``, ``labels`` and ``proposals``, each a digest."""
    image_ids: tuple[str, ...]


class Manifest(_Strict):
    """``cache.json``: what is in the cache and what went in."""

    schema_version: int
    classes: tuple[str, ...]
    feature_dim: int
    fingerprint: dict[str, str]
    """What went into every shard: each named part's digest (:mod:`wsdkd.cache.writing.fingerprint`)."""
    settings: dict[str, Any]
    """The readable values behind some of the digests."""
    shards: tuple[ShardEntry, ...]


def shard_name(number: int) -> str:
    """File name of a shard."""
    return f"shard-{number:05d}.h5"


def row_shape(array: str, num_classes: int, feature_dim: int) -> tuple[int, ...]:
    """Of one row of an array from ``regions`` on, before it is packed."""
    shapes = {"regions": (5,), "logits": (2, num_classes), "features": (feature_dim,)}
    return shapes.get(array, ())


def row_bytes(array: str, num_classes: int, feature_dim: int, bits: int) -> int:
    """Bytes of one row of an array from ``regions`` on, where :data:`PACKED_ARRAYS` have ``bits`` a value."""
    shape = row_shape(array, num_classes, feature_dim)
    if bits == PACKED_BITS and array in PACKED_ARRAYS:
        return math.prod(shape[:-1]) * (HEAD_BYTES + shape[-1])
    return math.prod(shape) * DTYPES[array].itemsize


def chunk_rows(bytes_an_image: float, row_bytes: int) -> int:
    """Rows of a chunk that holds about one image, within limits that keep reading fast."""
    wanted = min(max(bytes_an_image, SMALLEST_CHUNK), LARGEST_CHUNK)
    return max(1, round(wanted / row_bytes))


def images_digest(images: Iterable[tuple[str, str]]) -> str:
    """Digest of (image id, digest of its file) pairs, in the order given."""
    return digest([list(pair) for pair in images])


def read_manifest(folder: Path) -> Manifest:
    """Read ``cache.json`` of a cache.

    Raises:
        CacheError: there is none, it is damaged, or it was written by another version.
    """
    path = folder / MANIFEST
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CacheError(
            f"{path}: no such file, so this is no finished cache; run the stage cache_teacher or dvc pull"
        ) from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CacheError(f"{path}: damaged: {error}") from None
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version != SCHEMA_VERSION:
        raise CacheError(
            f"{path}: schema_version: {version}, but this code reads {SCHEMA_VERSION}; "
            "write the cache again, or use the code that wrote it"
        )
    try:
        return Manifest.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(step) for step in first["loc"])
        raise CacheError(f"{path}: {key}: {first['msg']}") from None


PARTS = {
    "schema": "the layout of the cache",
    "classes": "the classes",
    "teacher_weights": "the teacher's weights",
    "teacher_forward": "the teacher's network, input size or RoI settings",
    "cache": "the parameters of section cache",
    "code": "the code of the teacher's forward pass or of the choice of RoIs",
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

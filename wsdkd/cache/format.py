"""What a teacher cache looks like on disk: its shards, and the arrays in a shard.

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
``logits``                float16  (2R, L, K)  from 2 o[i]: n rows plain, then n mirrored; M^c, M^d in each
``chosen``                records  (C,)        by ``chosen_offsets``; ``region`` int32, ``confidence`` float32
``features``              float16  (C, D)      by ``chosen_offsets``
``checksums.ARRAY``       uint32   (N or 2N,)  CRC-32 of the rows of an image in ``regions``, of a view in the
                                               other three: image 0 plain, image 0 mirrored, image 1 plain
========================  =======  ==========  ==========================================================

Boxes are (x1, y1, x2, y2) in unmirrored pixels of the original, in both views. ``chosen`` names the regions
that have features, most confident first. What is read together lies together: a view of an image takes four
reads. With ``cache.bits: 8`` the float16 arrays are uint8, packed as :mod:`wsdkd.cache.view` has it.

L is 2, or 3 where regions are ranked by support: then their shares (:func:`wsdkd.support.region_shares`)
stand behind M^d. They need the teacher's branches of refinement, which no cache has, and time; of ranking
``scores`` they follow from the logits at once.
"""

import math
from typing import Any

import numpy as np

from wsdkd.cache.params import CacheParams
from wsdkd.ground.errors import UserError

SCHEMA_VERSION = 4
"""Raised with every change of this layout; readers of another version refuse."""

OUTPUTS_VERSION = 2
"""Raised with every change of code after which the same inputs give other outputs in a cache.

That is the teacher's forward pass, the choice of RoIs and the packing of rows. Students refuse a cache of
another version. ``tests/cache/writing/test_golden.py`` fails where outputs change and this does not.
"""

VIEWS = 2
HDF5_VERSION = ("v110", "v110")
"""Lowest and highest format of the objects in a file: fixed, so that equal inputs give equal bytes."""

SMALLEST_CHUNK = 16 * 1024
LARGEST_CHUNK = 4 * 1024 * 1024

ARRAYS = ("regions", "logits", "chosen", "features")
PACKED_ARRAYS = ("logits", "features")
PACKED_BITS = 8
HEAD = np.dtype("<f2")
HEAD_BYTES = 2 * HEAD.itemsize
"""Before the bytes of a packed row: its low end and its step."""
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


def shard_name(number: int) -> str:
    """File name of a shard."""
    return f"shard-{number:05d}.h5"


def row_shape(array: str, num_classes: int, feature_dim: int, params: CacheParams) -> tuple[int, ...]:
    """Of one row of an array from ``regions`` on, before it is packed."""
    said = 3 if params.ranking == "support" else 2
    shapes = {"regions": (5,), "logits": (said, num_classes), "features": (feature_dim,)}
    return shapes.get(array, ())


def row_bytes(array: str, num_classes: int, feature_dim: int, params: CacheParams) -> int:
    """Bytes of one row of an array from ``regions`` on, where :data:`PACKED_ARRAYS` may be packed."""
    shape = row_shape(array, num_classes, feature_dim, params)
    if params.bits == PACKED_BITS and array in PACKED_ARRAYS:
        return math.prod(shape[:-1]) * (HEAD_BYTES + shape[-1])
    return math.prod(shape) * DTYPES[array].itemsize


def chunk_rows(bytes_an_image: float, row_bytes: int) -> int:
    """Rows of a chunk that holds about one image, within limits that keep reading fast."""
    wanted = min(max(bytes_an_image, SMALLEST_CHUNK), LARGEST_CHUNK)
    return max(1, round(wanted / row_bytes))

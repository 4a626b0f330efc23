"""What a teacher cache looks like on disk: its shards, and the arrays in a shard.

A cache is a folder with ``cache.json``, ``images.parquet`` and some ``shard-XXXXX.h5``. A shard holds whole
images, each in two views: the picture as it is, and mirrored, both from a forward pass of their own.
Arrays are flat, with offsets, because a group an image reads eight times slower:

========================  =======  ==========  ==========================================================
array                     type     shape       rows of image i
========================  =======  ==========  ==========================================================
``image_ids``             bytes    (N,)        i; UTF-8
``image_digests``         bytes    (N,)        i; SHA-256 of the picture's file
``region_offsets``        int64    (N + 1,)    its n regions are o[i] to o[i + 1]
``chosen_offsets``        int64    (2N + 1,)   c[2i] to c[2i + 1] plain, c[2i + 1] to c[2i + 2] mirrored
``regions``               float32  (R, 5)      by ``region_offsets``; a box, its objectness
``logits``                float16  (2R, 2, K)  from 2 o[i]: n rows plain, then n mirrored; M^c, M^d in each
``chosen``                records  (C,)        by ``chosen_offsets``; ``region`` int32, ``confidence``
                                               float32, ``shares`` float16 (K,)
``features``              float16  (C, D)      by ``chosen_offsets``
``best``                  int32    (N, K)      i; of each class the best of its n regions, plain; -1 of none
``checksums.ARRAY``       uint32   (N or 2N,)  CRC-32 of the rows of an image in ``regions`` and ``best``, of
                                               a view in the others: image 0 plain, mirrored, image 1 plain
========================  =======  ==========  ==========================================================

Boxes are (x1, y1, x2, y2) in unmirrored pixels of the original, in both views. ``chosen`` names the regions
that have features, most confident first. What is read together lies together: a view of an image takes four
reads. With ``cache.bits: 8`` float16 becomes uint8, packed as :mod:`wsdkd.cache.view` has it.

``shares`` and ``best`` are by :func:`wsdkd.support.region_shares`. They need the teacher's branches of
refinement, which no cache has, and all regions: those that were not chosen would take most of a packed cache.
"""

import numpy as np

from wsdkd.ground.errors import UserError

SCHEMA_VERSION = 6
"""Raised with every change of this layout; readers of another version refuse."""

OUTPUTS_VERSION = 3
"""Raised with every change of code after which the same inputs give other outputs in a cache.

That is the teacher's forward pass, the choice of RoIs and the packing of rows. Students refuse a cache of
another version. ``tests/cache/writing/test_golden.py`` fails where outputs change and this does not.
"""

VIEWS = 2
HDF5_VERSION = ("v110", "v110")
"""Lowest and highest format of the objects in a file: fixed, so that equal inputs give equal bytes."""

SMALLEST_CHUNK = 16 * 1024
LARGEST_CHUNK = 4 * 1024 * 1024

VIEW_ARRAYS = ("regions", "logits", "chosen", "features")
"""What a student reads of a view."""
ARRAYS = (*VIEW_ARRAYS, "best")
IMAGE_ARRAYS = ("regions", "best")
"""Their rows are an image's; those of the others are a view's."""
PACKED_BITS = 8
HEAD = np.dtype("<f2")
HEAD_BYTES = 2 * HEAD.itemsize
"""Before the bytes of a packed row: its low end and its step."""
INDEX_ARRAYS = ("image_ids", "image_digests", "region_offsets", "chosen_offsets")

CHOSEN_HEAD = np.dtype([("region", "<i4"), ("confidence", "<f4")])
"""Of a row of ``chosen``, before its shares."""
HALF = np.dtype("<f2")


class CacheError(UserError):
    """A teacher cache is missing, incomplete, damaged, or not the one that is asked for."""


def shard_name(number: int) -> str:
    """File name of a shard."""
    return f"shard-{number:05d}.h5"


def row_bytes(array: str, num_classes: int, feature_dim: int, bits: int) -> int:
    """Bytes of one row of an array from ``regions`` on.

    Args:
        array: its name.
        num_classes: K.
        feature_dim: D.
        bits: of a stored logit, share or feature.
    """
    values = _packed_width if bits == PACKED_BITS else _half_width
    return {
        "regions": 5 * np.dtype(np.float32).itemsize,
        "logits": 2 * values(num_classes),
        "chosen": CHOSEN_HEAD.itemsize + values(num_classes),
        "features": values(feature_dim),
        "best": num_classes * np.dtype(np.int32).itemsize,
    }[array]


def _half_width(values: int) -> int:
    return HALF.itemsize * values


def _packed_width(values: int) -> int:
    return HEAD_BYTES + values


def chunk_rows(bytes_an_image: float, row_bytes: int) -> int:
    """Rows of a chunk that holds about one image, within limits that keep reading fast."""
    wanted = min(max(bytes_an_image, SMALLEST_CHUNK), LARGEST_CHUNK)
    return max(1, round(wanted / row_bytes))

"""Writing one shard: aside, marked complete last, then renamed. Equal inputs give equal bytes."""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np

from wsdkd.cache.format import (
    ARRAYS,
    HALF,
    HDF5_VERSION,
    PACKED_BITS,
    SCHEMA_VERSION,
    CacheError,
    chunk_rows,
)
from wsdkd.cache.params import CacheParams
from wsdkd.cache.shard import COMPLETE
from wsdkd.cache.view import pack_rows, records
from wsdkd.cache.writing.scratch import write_digest
from wsdkd.cache.writing.selection import kept_features
from wsdkd.data.tables import ImageRow
from wsdkd.ground.digests import sha256
from wsdkd.ground.files import publish_file
from wsdkd.teacher.run import ImageRegions

FLUSH_IMAGES = 32
"""Images gathered in memory between two writes."""


def write_shard(
    path: Path,
    rows: Sequence[ImageRow],
    views: Iterable[tuple[ImageRegions, ImageRegions]],
    *,
    classes: Sequence[str],
    params: CacheParams,
    fingerprint: Mapping[str, str],
) -> None:
    """Write one shard, and its digest beside it.

    Args:
        path: where the finished file appears; until then nothing is there.
        rows: the images, in order.
        views: for each row, the teacher's outputs on the picture and on the mirrored picture.
        classes: names of the K classes.
        params: which RoIs keep their features, and in how many bits.
        fingerprint: all named digests of this shard.

    Raises:
        CacheError: a value is not finite or too great for half precision, or the views do not belong to
            the row or to each other.
    """
    with publish_file(path) as aside:
        with h5py.File(aside, "w", libver=HDF5_VERSION) as file:
            file.attrs[COMPLETE] = False
            file.attrs["schema_version"] = SCHEMA_VERSION
            file.attrs["classes"] = json.dumps(list(classes), ensure_ascii=False)
            file.attrs["fingerprint"] = json.dumps(dict(sorted(fingerprint.items())))
            shard = _GrowingShard(file)
            for count, (row, (plain, mirrored)) in enumerate(zip(rows, views, strict=True), 1):
                shard.add(_image_parts(row, plain, mirrored, params, len(classes)))
                if count % FLUSH_IMAGES == 0:
                    shard.flush()
            shard.flush()
            shard.write_index(rows)
            # Everything else reaches the disk before the mark that says so.
            file.flush()
            file.attrs[COMPLETE] = True
        # First: a shard without a digest would be made again, a digest without a shard is nothing.
        write_digest(path, sha256(aside))


class _GrowingShard:
    """Arrays that grow, a block of images at a time."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self._waiting: list[dict[str, list[np.ndarray]]] = []
        self._checksums: dict[str, list[int]] = {name: [] for name in ARRAYS}
        self._region_counts: list[int] = []
        self._chosen_counts: list[int] = []

    def add(self, image: dict[str, list[np.ndarray]]) -> None:
        self._region_counts += [len(part) for part in image["regions"]]
        self._chosen_counts += [len(part) for part in image["chosen"]]
        for name in ARRAYS:
            self._checksums[name] += [zlib.crc32(part.data) for part in image[name]]
        self._waiting.append(image)

    def flush(self) -> None:
        if not self._waiting:
            return
        for name in ARRAYS:
            block = np.concatenate([part for image in self._waiting for part in image[name]])
            if name not in self._file:
                self._create(name, block)
            array = self._file[name]
            start = array.shape[0]
            array.resize(start + len(block), axis=0)
            array[start:] = block
        self._waiting.clear()

    def write_index(self, rows: Sequence[ImageRow]) -> None:
        self._put("image_ids", np.array([row.image_id.encode() for row in rows], dtype="S"))
        self._put("image_digests", np.array([row.digest.encode() for row in rows], dtype="S"))
        self._put("region_offsets", _offsets(self._region_counts))
        self._put("chosen_offsets", _offsets(self._chosen_counts))
        for name in ARRAYS:
            self._put(f"checksums.{name}", np.array(self._checksums[name], dtype="<u4"))

    def _create(self, name: str, block: np.ndarray) -> None:
        row_bytes = block[:1].nbytes or block.dtype.itemsize * int(np.prod(block.shape[1:], dtype=int)) or 1
        rows = chunk_rows(block.nbytes / len(self._waiting), row_bytes)
        self._file.create_dataset(
            name,
            shape=(0, *block.shape[1:]),
            maxshape=(None, *block.shape[1:]),
            chunks=(rows, *block.shape[1:]),
            dtype=block.dtype,
            track_times=False,
        )

    def _put(self, name: str, values: np.ndarray) -> None:
        self._file.create_dataset(name, data=values, track_times=False)


def _image_parts(
    row: ImageRow, plain: ImageRegions, mirrored: ImageRegions, params: CacheParams, num_classes: int
) -> dict[str, list[np.ndarray]]:
    """Rows of each array: of ``regions`` those of the image, of the others those of both views."""
    if not plain.image_id == mirrored.image_id == row.image_id:
        raise CacheError(f"outputs of {plain.image_id} and {mirrored.image_id} came for image {row.image_id}")
    if not np.array_equal(plain.boxes, mirrored.boxes):
        raise CacheError(f"image {row.image_id}: the boxes of its two views are not the same regions")
    views = (plain, mirrored)
    for view in views:
        _check_shapes(view, num_classes)
        for name in ("boxes", "objectness", "class_logits", "detection_logits"):
            _check_values(getattr(view, name), name, row.image_id)
    chosen, features = zip(*(kept_features(view, row.labels, params) for view in views), strict=True)
    for values in features:
        _check_values(values, "features", row.image_id)
    logits = [np.stack([view.class_logits, view.detection_logits], axis=1) for view in views]
    return {
        "regions": [np.column_stack([plain.boxes, plain.objectness]).astype("<f4")],
        "logits": [_stored(values, params.bits) for values in logits],
        "chosen": [
            records(each.regions, each.confidence, _stored(each.shares, params.bits)) for each in chosen
        ],
        "features": [_stored(values, params.bits) for values in features],
        "best": [chosen[0].best.astype("<i4")[None]],
    }


def _stored(values: np.ndarray, bits: int) -> np.ndarray:
    return pack_rows(values) if bits == PACKED_BITS else np.ascontiguousarray(values, dtype=HALF)


def _check_values(values: np.ndarray, name: str, image_id: str) -> None:
    """Half precision ends at 65504, and what is beyond must not become infinite."""
    largest = float(np.abs(values).max(initial=0))
    if not np.isfinite(largest):
        raise CacheError(f"image {image_id}: {name}: the teacher's output is not finite; train it anew")
    halved = name not in ("boxes", "objectness")
    if halved and largest > float(np.finfo(np.float16).max):
        raise CacheError(
            f"image {image_id}: {name}: {largest:.4g} is more than float16 holds; "
            "the teacher diverged, or teacher.roi.objectness_scale is too great"
        )


def _check_shapes(view: ImageRegions, num_classes: int) -> None:
    count = len(view.objectness)
    logits = (count, num_classes)
    expected = {
        "boxes": (count, 4),
        "objectness": (count,),
        "class_logits": logits,
        "detection_logits": logits,
    }
    for name, shape in expected.items():
        if getattr(view, name).shape != shape:
            raise CacheError(f"image {view.image_id}: {name} has the shape {getattr(view, name).shape}")


def _offsets(counts: Sequence[int]) -> np.ndarray:
    return np.cumsum([0, *counts], dtype=np.int64)

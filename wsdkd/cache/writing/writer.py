"""Writing one shard: aside, marked complete last, then renamed. Equal inputs give equal bytes."""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np

from wsdkd.cache.format import (
    ARRAYS,
    CHOSEN,
    DTYPES,
    HDF5_VERSION,
    PACKED_ARRAYS,
    PACKED_BITS,
    SCHEMA_VERSION,
    CacheError,
    chunk_rows,
)
from wsdkd.cache.params import CacheParams
from wsdkd.cache.view import pack_rows
from wsdkd.cache.writing.selection import choose_rois
from wsdkd.data.tables import ImageRow
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
    """Write one shard.

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
    with publish_file(path) as aside, h5py.File(aside, "w", libver=HDF5_VERSION) as file:
        file.attrs["complete"] = False
        file.attrs["schema_version"] = SCHEMA_VERSION
        file.attrs["classes"] = json.dumps(list(classes), ensure_ascii=False)
        file.attrs["fingerprint"] = json.dumps(dict(sorted(fingerprint.items())))
        shard = _OpenShard(file, len(classes))
        for count, (row, (plain, mirrored)) in enumerate(zip(rows, views, strict=True), 1):
            shard.add(_image_arrays(row, plain, mirrored, params, len(classes)))
            if count % FLUSH_IMAGES == 0:
                shard.flush()
        shard.flush()
        shard.write_index(rows)
        # Everything else reaches the disk before the mark that says so.
        file.flush()
        file.attrs["complete"] = True


class _OpenShard:
    """Arrays that grow, a block of images at a time."""

    def __init__(self, file: h5py.File, num_classes: int) -> None:
        self._file = file
        self._num_classes = num_classes
        self._waiting: list[dict[str, np.ndarray]] = []
        self._checksums: dict[str, list[int]] = {name: [] for name in ARRAYS}
        self._region_counts: list[int] = []
        self._chosen_counts: list[int] = []

    def add(self, image: dict[str, np.ndarray]) -> None:
        self._region_counts.append(len(image["regions"]))
        self._chosen_counts += image.pop("chosen_counts").tolist()
        for name in ARRAYS:
            self._checksums[name].append(zlib.crc32(image[name].data))
        self._waiting.append(image)

    def flush(self) -> None:
        if not self._waiting:
            return
        for name in ARRAYS:
            block = np.concatenate([image[name] for image in self._waiting])
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
        dataset = self._file.create_dataset(name, data=values, track_times=False)
        dataset.attrs["crc32"] = np.uint32(zlib.crc32(values.tobytes()))


def _image_arrays(
    row: ImageRow, plain: ImageRegions, mirrored: ImageRegions, params: CacheParams, num_classes: int
) -> dict[str, np.ndarray]:
    if not plain.image_id == mirrored.image_id == row.image_id:
        raise CacheError(f"outputs of {plain.image_id} and {mirrored.image_id} came for image {row.image_id}")
    if not np.array_equal(plain.boxes, mirrored.boxes):
        raise CacheError(f"image {row.image_id}: the boxes of its two views are not the same regions")
    views = (plain, mirrored)
    for view in views:
        _check_shapes(view, num_classes)
        for name in ("boxes", "objectness", "class_logits", "detection_logits"):
            _check_values(getattr(view, name), name, row.image_id)
    chosen = [
        choose_rois(
            view.boxes, view.class_logits, view.detection_logits, row.labels, params.rois, params.nms_iou
        )
        for view in views
    ]
    features = [view.features[regions] for view, (regions, _) in zip(views, chosen, strict=True)]
    _check_values(np.concatenate(features), "features", row.image_id)
    logits = [np.stack([view.class_logits, view.detection_logits], axis=1) for view in views]
    arrays = {
        "regions": _stored([np.column_stack([plain.boxes, plain.objectness])], "regions", params.bits),
        "logits": _stored(logits, "logits", params.bits),
        "chosen": np.concatenate([_records(*each) for each in chosen]),
        "features": _stored(features, "features", params.bits),
    }
    arrays["chosen_counts"] = np.array([len(regions) for regions, _ in chosen])
    return arrays


def _stored(parts: Sequence[np.ndarray], array: str, bits: int) -> np.ndarray:
    values = np.concatenate(parts)
    if bits == PACKED_BITS and array in PACKED_ARRAYS:
        return pack_rows(values)
    return np.ascontiguousarray(values, dtype=DTYPES[array])


def _records(regions: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    records = np.empty(len(regions), CHOSEN)
    records["region"], records["confidence"] = regions, confidence
    return records


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

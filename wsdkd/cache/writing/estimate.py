"""How large a cache will be, before anything is computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wsdkd.cache.format import ARRAYS, IMAGE_ARRAYS, VIEWS, chunk_rows, row_bytes
from wsdkd.cache.params import CacheParams
from wsdkd.cache.writing.selection import choose_rois
from wsdkd.data.tables import ImageRow
from wsdkd.networks.params import VGG_WIDTH
from wsdkd.proposals.stored import Proposals
from wsdkd.teacher.params import TeacherParams
from wsdkd.teacher.run import ImageRegions

SAMPLED_IMAGES = 400
"""Images on which the survivors of NMS are counted."""
_DIGEST_BYTES = 64
_CHUNK_ENTRY_BYTES = 9  # of HDF5's index: an address, and its share of the blocks of addresses
_FILE_BYTES = 12_000  # headers of the arrays, attributes
_MANIFEST_BYTES, _SHARD_ENTRY_BYTES = 2_500, 800


@dataclass(frozen=True)
class CacheSize:
    """Counts that decide the size of a cache.

    Attributes:
        images: N.
        classes: K.
        feature_dim: D.
        regions: R, all regions of all images, of one view.
        chosen: regions that keep their features, over all images and both views.
        shards: files.
        bits: of a stored logit, share or feature.
        id_bytes: of the longest image id.
    """

    images: int
    classes: int
    feature_dim: int
    regions: float
    chosen: float
    shards: int
    bits: int
    id_bytes: int = 12

    def parts(self) -> dict[str, int]:
        """Bytes by what they hold; the names of arrays are those of :mod:`wsdkd.cache.format`."""
        sizes = {name: self._array_bytes(name) for name in ARRAYS}
        index = self.images * (self.id_bytes + _DIGEST_BYTES + 8 * (1 + VIEWS))
        parts = [1 if name in IMAGE_ARRAYS else VIEWS for name in ARRAYS]
        sums = self.images * sum(parts) * 4
        chunks = sum(self._chunks(name) for name in ARRAYS) * _CHUNK_ENTRY_BYTES
        sizes["index and checksums"] = index + sums
        sizes["manifest"] = _MANIFEST_BYTES + self.shards * _SHARD_ENTRY_BYTES
        sizes["list of images"] = self.images * (self.id_bytes + 4)
        sizes["HDF5 structure"] = int(chunks) + self.shards * _FILE_BYTES
        return sizes

    @property
    def total(self) -> int:
        """Bytes of the whole cache."""
        return sum(self.parts().values())

    def _rows(self, array: str) -> float:
        rows = {"regions": self.regions, "logits": VIEWS * self.regions, "best": float(self.images)}
        return rows.get(array, self.chosen)

    def _row_bytes(self, array: str) -> int:
        return row_bytes(array, self.classes, self.feature_dim, self.bits)

    def _chunk_rows(self, array: str) -> int:
        rows = self._rows(array) / self.images
        return chunk_rows(rows * self._row_bytes(array), self._row_bytes(array))

    def _chunks(self, array: str) -> float:
        # The last chunk of a shard is only partly filled.
        return self.shards * float(np.ceil(self._rows(array) / self.shards / self._chunk_rows(array)))

    def _array_bytes(self, array: str) -> int:
        return int(self._chunks(array) * self._chunk_rows(array) * self._row_bytes(array))


def planned_size(
    rows: Sequence[ImageRow],
    num_classes: int,
    proposals: Proposals,
    teacher: TeacherParams,
    params: CacheParams,
) -> CacheSize:
    """The size of the cache of these images.

    How many regions NMS leaves depends on the teacher, which need not exist yet: they are counted on
    a sample, with the objectness of the proposals in place of the teacher's confidence.

    Raises:
        KeyError: an image has no proposals.
    """
    counts = np.array([len(proposals.of(row.image_id, teacher.proposals)[1]) for row in rows])
    sample = rows[:: max(1, len(rows) // SAMPLED_IMAGES)]
    kept = [_survivors(row, proposals, teacher, params) for row in sample]
    sampled = [len(proposals.of(row.image_id, teacher.proposals)[1]) for row in sample]
    return CacheSize(
        images=len(rows),
        classes=num_classes,
        feature_dim=feature_width(teacher),
        regions=float(counts.sum()),
        chosen=VIEWS * float(counts.sum()) * sum(kept) / max(1, sum(sampled)),
        shards=-(-len(rows) // params.shard_images),
        bits=params.bits,
        id_bytes=max(len(row.image_id.encode()) for row in rows),
    )


def assumed_size(images: int, classes: int, regions: int, width: int, params: CacheParams) -> CacheSize:
    """The size of a cache without looking at data: every image has ``regions``, and keeps all it may."""
    chosen = regions if params.rois == "all" else min(regions, params.rois)
    return CacheSize(
        images=images,
        classes=classes,
        feature_dim=width,
        regions=float(images * regions),
        chosen=float(VIEWS * images * chosen),
        shards=-(-images // params.shard_images),
        bits=params.bits,
    )


def feature_width(teacher: TeacherParams) -> int:
    """D: the width of the teacher's fc7; VGG16 brings its own."""
    return VGG_WIDTH if teacher.network.backbone == "vgg16" else teacher.hidden


def written_size(folder: Path) -> int:
    """Bytes of the files of a cache."""
    return sum(path.stat().st_size for path in folder.iterdir())


def _survivors(row: ImageRow, proposals: Proposals, teacher: TeacherParams, params: CacheParams) -> int:
    boxes, scores = proposals.of(row.image_id, teacher.proposals)
    if not len(boxes):
        return 0
    logits = np.repeat(scores[:, None].astype(np.float32), max([1, *(label + 1 for label in row.labels)]), 1)
    said = ImageRegions(row.image_id, boxes, scores, logits, logits, features=logits)
    chosen = choose_rois(said, row.labels, params.model_copy(update={"ranking": "scores"}))
    return len(chosen.regions)

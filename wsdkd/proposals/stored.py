"""Proposals on disk: Parquet shards with a row an image."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wsdkd.ground.files import publish_folder
from wsdkd.ground.ids import IdIndex
from wsdkd.ground.spool import RowSource, Spool

SHARD_IMAGES = 4096
READ_IMAGES, READ_BYTES = 64, 1 << 20
"""Images, and bytes of a column, read at once on the way out of a shard: a shard is many megabytes."""

PROPOSALS_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("boxes", pa.list_(pa.list_(pa.float32(), 4))),  # (x1, y1, x2, y2), pixels of the original
        ("scores", pa.list_(pa.float32())),  # objectness, best first
    ]
)


@dataclass(frozen=True)
class Proposals:
    """Proposals of many images as flat arrays; image i owns rows offsets[i] to offsets[i + 1].

    In memory an image takes some 30 bytes; its boxes take none where they are in a :class:`Spool`.

    Attributes:
        images: place of each image by its id.
        offsets: int64 (N + 1,).
        flat_boxes: float32 (R, 4), (x1, y1, x2, y2) in pixels of the original image.
        flat_scores: float32 (R,), best first within an image.
    """

    images: IdIndex
    offsets: np.ndarray
    flat_boxes: RowSource
    flat_scores: RowSource

    def of(self, image_id: str, best: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (n, 4) and scores (n,) of one image, the ``best`` first ones where that is given.

        Raises:
            KeyError: there are no proposals for this image.
        """
        place = self.images.place(image_id)
        start, stop = int(self.offsets[place]), int(self.offsets[place + 1])
        if best is not None:
            stop = min(stop, start + best)
        return self.flat_boxes[start:stop], self.flat_scores[start:stop]


def write_proposals(folder: Path, items: Iterable[tuple[str, np.ndarray, np.ndarray]]) -> None:
    """Write (image id, boxes (n, 4), scores (n,)) in the order given; equal items give equal bytes."""
    with publish_folder(folder) as aside:
        shard: list[tuple[str, np.ndarray, np.ndarray]] = []
        count = 0
        for item in items:
            shard.append(item)
            if len(shard) == SHARD_IMAGES:
                _write_shard(aside / f"part-{count:05d}.parquet", shard)
                shard, count = [], count + 1
        if shard or count == 0:
            _write_shard(aside / f"part-{count:05d}.parquet", shard)


def _write_shard(path: Path, shard: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> None:
    offsets = np.cumsum([0, *(len(scores) for _, _, scores in shard)]).astype(np.int32)
    nothing = np.zeros((0, 4), np.float32)
    flat_boxes = np.concatenate([nothing, *(boxes for _, boxes, _ in shard)], dtype=np.float32)
    flat_scores = np.concatenate([nothing[:, 0], *(scores for _, _, scores in shard)], dtype=np.float32)
    boxes = pa.FixedSizeListArray.from_arrays(pa.array(flat_boxes.ravel()), 4)
    columns = [
        pa.array([image_id for image_id, _, _ in shard], pa.string()),
        pa.ListArray.from_arrays(pa.array(offsets), boxes),
        pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat_scores)),
    ]
    table = pa.Table.from_arrays(columns, names=PROPOSALS_SCHEMA.names).cast(PROPOSALS_SCHEMA)
    pq.write_table(table, path)


def read_proposals(folder: Path) -> Proposals:
    """Read all shards of a folder; the boxes go into a temporary file beside it.

    Parquet packs thousands of images together, and training asks for one here and one there. So the boxes
    are unpacked once, 20 bytes each, to where any of them can be read by its place.

    Raises:
        ValueError: the folder has no shard, or a shard is not a table of proposals.
        OSError: there is no room for the temporary file.
    """
    paths = sorted(folder.glob("part-*.parquet"))
    if not paths:
        raise ValueError(f"{folder}: no part-*.parquet in it; run the stage propose")
    boxes, scores = Spool(folder.parent, np.float32, 4), Spool(folder.parent, np.float32)
    counts = [np.zeros(1, np.int64)]

    def image_ids() -> Iterator[str]:
        for batch in _batches(paths):
            column = batch.column("scores")
            counts.append(np.asarray(column.value_lengths(), dtype=np.int64))
            scores.append(column.flatten().to_numpy())
            boxes.append(batch.column("boxes").flatten().flatten().to_numpy().reshape(-1, 4))
            yield from batch.column("image_id").to_pylist()

    images = IdIndex(image_ids())
    return Proposals(images, np.cumsum(np.concatenate(counts)), boxes, scores)


def _batches(paths: Iterable[Path]) -> Iterator[pa.RecordBatch]:
    for path in paths:
        with pq.ParquetFile(path, buffer_size=READ_BYTES) as file:
            if file.schema_arrow.names != PROPOSALS_SCHEMA.names:
                raise ValueError(
                    f"{path}: not a table of proposals: its columns are {file.schema_arrow.names}"
                )
            yield from file.iter_batches(READ_IMAGES)

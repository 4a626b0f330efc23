"""Proposals on disk: Parquet shards with a row an image."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from wsdkd import project
from wsdkd.data.parquet import WRITTEN_BY, read_batches, refuse_rows, write_parquet
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_folder
from wsdkd.ground.ids import ID_LAYOUT, IdIndex
from wsdkd.ground.spool import Layout, RowSource, Spool
from wsdkd.ground.unpacked import Unpacking, unpack

SHARD_IMAGES = 4096
READ_IMAGES, READ_BYTES = 256, 1 << 20
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

    Those that were read take no memory: boxes are in a :class:`Spool`, and what finds them is mapped.

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
    write_parquet(path, table, repeating=())


LAYOUT: Layout = {"boxes": ("<f4", 4), "scores": ("<f4", None), "offsets": ("<i8", None), **ID_LAYOUT}
"""Of the files that proposals are unpacked into."""


def read_proposals(folder: Path) -> Proposals:
    """Read all shards of a folder into temporary files.

    Parquet packs thousands of images together, and training asks for one here and one there. So the boxes
    are unpacked once, 20 bytes each, to where any of them can be read by its place.

    The files lie beside the folder; of one below ``data/``, they are shared by the processes of a machine.

    Raises:
        UserError: the folder has no shard, or a shard is damaged, no table of proposals, or has an image
            twice, a box that ends before it begins, or a score that is none.
        DiskFullError: there is no room for the temporary files.
    """
    paths = sorted(folder.glob("part-*.parquet"))
    if not paths:
        raise UserError(f"{folder}: no part-*.parquet in it; {WRITTEN_BY}")
    unpacking = Unpacking(paths, "proposals", LAYOUT, partial(_fill, paths))
    spools = unpack(unpacking, folder.parent, project.shared_by(folder))
    return Proposals(IdIndex.stored(spools), spools["offsets"].mapped(), spools["boxes"], spools["scores"])


def _fill(paths: Sequence[Path], spools: Mapping[str, Spool]) -> None:
    counts, starts = [np.zeros(1, np.int64)], [0]

    def image_ids() -> Iterator[str]:
        for path in paths:
            start = 0
            for batch in read_batches(
                path, PROPOSALS_SCHEMA, "proposals", rows=READ_IMAGES, buffer_size=READ_BYTES
            ):
                each, some_boxes, some_scores = _unpacked(path, batch, start)
                counts.append(each)
                spools["scores"].append(some_scores)
                spools["boxes"].append(some_boxes)
                start += batch.num_rows
                yield from batch.column("image_id").to_pylist()
            starts.append(starts[-1] + start)

    images = IdIndex(image_ids())
    twice = images.repeated()
    if twice is not None:
        shard = bisect_right(starts, twice) - 1
        row = twice - starts[shard]
        raise UserError(f"{paths[shard]}: row {row}: image_id stands in the proposals twice; {WRITTEN_BY}")
    images.store(spools)
    spools["offsets"].append(np.cumsum(np.concatenate(counts)))


def _unpacked(path: Path, batch: pa.RecordBatch, start: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # How many boxes each image has, int64 (n,); the boxes (r, 4); their scores (r,).
    boxed, scored = batch.column("boxes"), batch.column("scores")
    counts = scored.value_lengths().to_numpy().astype(np.int64)
    uneven = boxed.value_lengths().to_numpy() != counts
    refuse_rows(path, "scores", uneven, start, "has another length than boxes")
    # An empty place in a list becomes NaN here.
    boxes = np.asarray(boxed.flatten().flatten().to_numpy(zero_copy_only=False), np.float32).reshape(-1, 4)
    scores = np.asarray(scored.flatten().to_numpy(zero_copy_only=False), np.float32)
    # NaN is neither at most anything nor at least anything, so that it fails each of these.
    x1, y1, x2, y2 = boxes.T
    usable = (x1 <= x2) & (y1 <= y2)
    if not usable.all() or np.isinf([boxes.min(initial=0), boxes.max(initial=0)]).any():
        wrong = _rows(~usable | np.isinf(boxes).any(axis=1), counts)
        reason = "has a box that ends before it begins, or one that is no number"
        refuse_rows(path, "boxes", wrong, start, reason)
    if not (scores.min(initial=0) >= 0 and scores.max(initial=0) < np.inf):
        wrong = _rows(~((scores >= 0) & (scores < np.inf)), counts)
        refuse_rows(path, "scores", wrong, start, "has one below 0, or one that is no number")
    return counts, boxes, scores


def _rows(wrong: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Which images (n,) own a flat place (r,) that is wrong; ``counts`` (n,) are the places of each."""
    return np.bincount(np.repeat(np.arange(len(counts)), counts)[wrong]) > 0

"""Proposals on disk: Parquet shards with a row an image."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wsdkd.files import publish_folder

SHARD_IMAGES = 4096

PROPOSALS_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("boxes", pa.list_(pa.list_(pa.float32(), 4))),  # (x1, y1, x2, y2), pixels of the original
        ("scores", pa.list_(pa.float32())),  # objectness, best first
    ]
)


@dataclass(frozen=True)
class Proposals:
    """Proposals of many images as flat arrays; the image in row i owns offsets[i]:offsets[i + 1].

    Attributes:
        image_ids: in order of the rows.
        offsets: int64 (N + 1,).
        flat_boxes: float32 (R, 4), (x1, y1, x2, y2) in pixels of the original image.
        flat_scores: float32 (R,), best first within an image.
    """

    image_ids: tuple[str, ...]
    offsets: np.ndarray
    flat_boxes: np.ndarray
    flat_scores: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rows", {name: row for row, name in enumerate(self.image_ids)})

    def of(self, image_id: str, best: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (n, 4) and scores (n,) of one image, the ``best`` first ones where that is given.

        Raises:
            KeyError: there are no proposals for this image.
        """
        row = self._rows[image_id]  # type: ignore[attr-defined]
        start, stop = int(self.offsets[row]), int(self.offsets[row + 1])
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
    flat_boxes = np.concatenate([np.zeros((0, 4)), *(boxes for _, boxes, _ in shard)]).astype(np.float32)
    flat_scores = np.concatenate([np.zeros(0), *(scores for _, _, scores in shard)]).astype(np.float32)
    boxes = pa.FixedSizeListArray.from_arrays(pa.array(flat_boxes.ravel()), 4)
    columns = [
        pa.array([image_id for image_id, _, _ in shard], pa.string()),
        pa.ListArray.from_arrays(pa.array(offsets), boxes),
        pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat_scores)),
    ]
    table = pa.Table.from_arrays(columns, names=PROPOSALS_SCHEMA.names).cast(PROPOSALS_SCHEMA)
    pq.write_table(table, path)


def read_proposals(folder: Path) -> Proposals:
    """Read all shards of a folder.

    Raises:
        ValueError: the folder has no shard, or a shard is not a table of proposals.
    """
    paths = sorted(folder.glob("part-*.parquet"))
    if not paths:
        raise ValueError(f"{folder}: no part-*.parquet in it; run the stage propose")
    image_ids: list[str] = []
    counts, boxes, scores = [np.zeros(1, np.int64)], [], []
    for path in paths:
        table = pq.read_table(path).combine_chunks()
        if table.schema.names != PROPOSALS_SCHEMA.names:
            raise ValueError(f"{path}: not a table of proposals: its columns are {table.schema.names}")
        image_ids += table.column("image_id").to_pylist()
        scores_column = pa.concat_arrays(
            table.column("scores").chunks or [pa.array([], PROPOSALS_SCHEMA.field("scores").type)]
        )
        boxes_column = pa.concat_arrays(
            table.column("boxes").chunks or [pa.array([], PROPOSALS_SCHEMA.field("boxes").type)]
        )
        counts.append(np.asarray(scores_column.value_lengths(), dtype=np.int64))
        scores.append(scores_column.flatten().to_numpy(zero_copy_only=False))
        boxes.append(boxes_column.flatten().flatten().to_numpy(zero_copy_only=False).reshape(-1, 4))
    return Proposals(
        tuple(image_ids), np.cumsum(np.concatenate(counts)), np.concatenate(boxes), np.concatenate(scores)
    )

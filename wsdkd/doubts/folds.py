"""Parts of the training split, each scored by a student that learned from the other parts alone.

A student knows by heart what it learned from: it repeats a wrong label of a training image. One that never
saw the image has no reason to. The part of an image hangs on a hash of its picture, so that copies of a
picture are in one part, and an image that is added moves no other.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from wsdkd.data.parquet import read_batches, telling, told, write_parquet
from wsdkd.data.tables import ImageRow, RowsAt
from wsdkd.ground.digests import digest
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file

SCHEMA = pa.schema([("image_id", pa.string()), ("scores", pa.list_(pa.float32()))])
_LABELS = "labels"
"""Under which a table of scores tells the digest of the labels that were learned from."""


def fold_of(row: ImageRow, folds: int) -> int:
    """The part of an image, from 0 to ``folds`` - 1."""
    found = hashlib.sha256(f"fold:{row.digest}".encode()).digest()
    return int.from_bytes(found[:8], "big") % folds


def split_fold(rows: Sequence[ImageRow], number: int, folds: int) -> tuple[RowsAt, RowsAt]:
    """The images outside of part ``number``, to learn from, and those within, to be scored.

    Raises:
        UserError: one of the two is empty.
    """
    within = np.array([fold_of(row, folds) == number for row in rows], dtype=bool)
    if within.all() or not within.any():
        raise UserError(
            f"doubts.folds: {folds} parts of {len(rows)} training images: part {number + 1} has "
            f"{within.sum()} of them; take fewer parts"
        )
    return RowsAt(rows, np.flatnonzero(~within)), RowsAt(rows, np.flatnonzero(within))


def write_scores(path: Path, rows: Sequence[ImageRow], scores: np.ndarray, classes: Sequence[str]) -> None:
    """Write scores, float32 (N, K), of images with the labels that all parts learned from."""
    columns = [pa.array([row.image_id for row in rows]), pa.array(list(scores), SCHEMA.field("scores").type)]
    table = pa.Table.from_arrays(columns, schema=SCHEMA)
    with publish_file(path) as aside:
        write_parquet(aside, telling(table, _LABELS, _digest(rows, classes)), repeating=())


def read_scores(path: Path, rows: Sequence[ImageRow], classes: Sequence[str]) -> np.ndarray:
    """Scores of training images, float32 (N, K), by students that did not learn from them.

    Args:
        path: of the table.
        rows: the whole training split.
        classes: names, in order.

    Raises:
        UserError: the table is missing or damaged, or of other images, labels or classes.
    """
    batches = list(read_batches(path, SCHEMA, "scores", rows=65_536))
    if told(path, _LABELS) != _digest(rows, classes):
        raise UserError(f"{path}: not of the images and labels that are prepared; run: dvc repro")
    flat = [batch.column("scores").flatten().to_numpy() for batch in batches]
    return np.concatenate([np.zeros(0, np.float32), *flat]).reshape(len(rows), len(classes))


def _digest(rows: Sequence[ImageRow], classes: Sequence[str]) -> str:
    return digest([list(classes), [[row.image_id, row.digest, row.labels, row.ignored] for row in rows]])

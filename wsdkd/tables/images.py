"""``images.parquet``: one row an image, with its image-level labels. All that training may see."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wsdkd.files import publish_file
from wsdkd.tables.parquet import read_parquet

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

IMAGES_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("path", pa.string()),  # relative to dataset.root, with forward slashes
        ("width", pa.int32()),  # pixels, after EXIF orientation
        ("height", pa.int32()),
        ("split", pa.string()),
        ("labels", pa.list_(pa.int16())),  # classes present, as places in classes.json, ascending
        ("ignored", pa.list_(pa.int16())),  # classes neither present nor absent
        ("digest", pa.string()),  # SHA-256 of the file, so that a changed picture is a changed table
    ]
)


@dataclass(frozen=True)
class ImageRow:
    """One image; sizes in pixels after EXIF orientation, labels as places in ``classes.json``."""

    image_id: str
    path: str
    width: int
    height: int
    split: str
    labels: tuple[int, ...]
    ignored: tuple[int, ...]
    digest: str


def write_images(path: Path, rows: Sequence[ImageRow]) -> None:
    """Write ``rows``, sorted by image id; equal rows give equal bytes."""
    ordered = sorted(rows, key=lambda row: row.image_id)
    columns = {name: [getattr(row, name) for row in ordered] for name in IMAGES_SCHEMA.names}
    with publish_file(path) as aside:
        pq.write_table(pa.table(columns, schema=IMAGES_SCHEMA), aside)


def read_images(path: Path, split: Split | None = None) -> list[ImageRow]:
    """Read the rows of ``split`` (all by default), sorted by image id.

    Raises:
        UserError: the file is missing or not a table of images.
    """
    table = read_parquet(path, IMAGES_SCHEMA, "images")
    rows = [
        ImageRow(**{**row, "labels": tuple(row["labels"]), "ignored": tuple(row["ignored"])})
        for row in table.to_pylist()
    ]
    return [row for row in rows if split is None or row.split == split]


def targets(rows: Sequence[ImageRow], num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels as arrays.

    Returns:
        ``labels``, float32 (N, K), 1 where a class is present; ``known``, bool (N, K), False where
        the class is ignored and must enter neither a loss nor a metric.
    """
    labels = np.zeros((len(rows), num_classes), dtype=np.float32)
    known = np.ones((len(rows), num_classes), dtype=bool)
    for i, row in enumerate(rows):
        labels[i, list(row.labels)] = 1
        known[i, list(row.ignored)] = False
    return labels, known

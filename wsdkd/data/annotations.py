"""``objects.parquet``: the annotated boxes. For evaluation alone: no training stage may import this."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wsdkd.data.columns import Columns, in_columns
from wsdkd.data.parquet import read_batches, refuse_rows, write_parquet
from wsdkd.ground.files import publish_file

READ_ROWS = 65_536
"""Read at once."""

OBJECTS_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("label", pa.int16()),  # place in classes.json
        ("x1", pa.float32()),  # pixels of the original image, after EXIF orientation;
        ("y1", pa.float32()),  # edges of the box, so that width = x2 - x1
        ("x2", pa.float32()),
        ("y2", pa.float32()),
        ("difficult", pa.bool_()),
        ("crowd", pa.bool_()),
    ]
)


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """One annotated object; its box (x1, y1, x2, y2) in pixels of the original image."""

    image_id: str
    label: int
    x1: float
    y1: float
    x2: float
    y2: float
    difficult: bool
    crowd: bool


PLACED_SCHEMA = pa.schema(
    [
        ("image_id", pa.dictionary(pa.int32(), pa.large_string())),  # which image, and the ids of all
        *(
            (each.name, pa.float64() if each.type == pa.float32() else each.type)
            for each in list(OBJECTS_SCHEMA)[1:]
        ),
    ]
)
"""Of objects in memory: an image's id is there once, and boxes are as they were computed."""


def placed(rows: Sequence[ObjectRow]) -> Columns[ObjectRow]:
    """Objects column by column; as they are, where they lie so already."""
    return in_columns(rows, PLACED_SCHEMA, ObjectRow)


def write_objects(path: Path, rows: Sequence[ObjectRow]) -> None:
    """Write ``rows``, sorted by all their columns; equal rows give equal bytes."""
    table = placed(rows).table
    with publish_file(path) as aside:
        write_parquet(
            aside,
            table,
            repeating=("image_id", "label", "difficult", "crowd"),
            order=_order(table),
            schema=OBJECTS_SCHEMA,
        )


def _order(table: pa.Table) -> np.ndarray:
    """Places (n,) of the rows, sorted by all columns; boxes as they were computed, not yet rounded."""
    ids = table.column("image_id").unify_dictionaries().combine_chunks()
    ids = ids.chunk(0) if isinstance(ids, pa.ChunkedArray) else ids
    ranks = pc.rank(ids.dictionary, tiebreaker="min").to_numpy().astype(np.int32)
    keys = [ranks[ids.indices.to_numpy()]]
    keys += [table.column(name).to_numpy() for name in OBJECTS_SCHEMA.names[1:]]
    order: np.ndarray = np.lexsort(keys[::-1])
    return order


def read_objects(path: Path, *, num_classes: int | None = None) -> Columns[ObjectRow]:
    """Read all rows.

    Args:
        path: of ``objects.parquet``.
        num_classes: how many names ``classes.json`` has; a label beyond them is refused.

    Raises:
        UserError: the file is missing, damaged or not a table of objects, or a row cannot be.
    """
    batches, start = [], 0
    for batch in read_batches(path, OBJECTS_SCHEMA, "objects", rows=READ_ROWS):
        labels = batch.column("label").to_numpy()
        beyond = (labels < 0) if num_classes is None else (labels < 0) | (labels >= num_classes)
        refuse_rows(path, "label", beyond, start, "is beyond classes.json")
        for low, high in (("x1", "x2"), ("y1", "y2")):
            first, last = batch.column(low).to_numpy(), batch.column(high).to_numpy()
            usable = (first > -np.inf) & (first <= last) & (last < np.inf)  # of which NaN is nothing
            refuse_rows(path, low, ~usable, start, f"lies beyond {high}, or one of them is no number")
        batches.append(batch)
        start += batch.num_rows
    return Columns(pa.Table.from_batches(batches, OBJECTS_SCHEMA), ObjectRow)

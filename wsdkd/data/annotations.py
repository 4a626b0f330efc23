"""``objects.parquet``: the annotated boxes. For evaluation alone: no training stage may import this."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
import pyarrow as pa

from wsdkd.data.parquet import read_batches, refuse_rows, write_parquet
from wsdkd.ground.files import publish_file

READ_ROWS, BATCH_ROWS = 65_536, 4096
"""Read at once, and made into objects at once."""

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


def write_objects(path: Path, rows: Sequence[ObjectRow]) -> None:
    """Write ``rows``, sorted by all their columns; equal rows give equal bytes."""
    names = OBJECTS_SCHEMA.names
    ordered = sorted(rows, key=lambda row: tuple(getattr(row, name) for name in names))
    columns = {name: [getattr(row, name) for row in ordered] for name in names}
    with publish_file(path) as aside:
        table = pa.table(columns, schema=OBJECTS_SCHEMA)
        write_parquet(aside, table, repeating=("image_id", "label", "difficult", "crowd"))


class ObjectTable(Sequence[ObjectRow]):
    """Rows that lie in memory column by column, and become objects when they are asked for.

    Args:
        table: of :data:`OBJECTS_SCHEMA`.
    """

    def __init__(self, table: pa.Table):
        self._table = table

    def __len__(self) -> int:
        return self._table.num_rows

    @overload
    def __getitem__(self, place: int) -> ObjectRow: ...

    @overload
    def __getitem__(self, place: slice) -> list[ObjectRow]: ...

    def __getitem__(self, place: int | slice) -> ObjectRow | list[ObjectRow]:
        """A row, or a list of some."""
        if isinstance(place, slice):
            return [ObjectRow(**row) for row in self._table.take(list(range(len(self))[place])).to_pylist()]
        return self[place : place + 1 or None][0]

    def __iter__(self) -> Iterator[ObjectRow]:
        for batch in self._table.to_batches(BATCH_ROWS):
            for row in batch.to_pylist():
                yield ObjectRow(**row)


def read_objects(path: Path, *, num_classes: int | None = None) -> ObjectTable:
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
    return ObjectTable(pa.Table.from_batches(batches, OBJECTS_SCHEMA))

"""``objects.parquet``: the annotated boxes. For evaluation alone: no training stage may import this."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import pyarrow as pa
import pyarrow.parquet as pq

from wsdkd.data.tables import open_parquet
from wsdkd.ground.files import publish_file

BATCH_ROWS = 4096
"""Made into objects at once."""

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
        pq.write_table(pa.table(columns, schema=OBJECTS_SCHEMA), aside)


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


def read_objects(path: Path) -> ObjectTable:
    """Read all rows.

    Raises:
        UserError: the file is missing or not a table of objects.
    """
    with open_parquet(path, OBJECTS_SCHEMA, "objects") as file:
        return ObjectTable(file.read())

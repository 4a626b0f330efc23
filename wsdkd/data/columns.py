"""Rows that lie in memory column by column, and become objects when they are asked for."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar, overload

import pyarrow as pa

Row = TypeVar("Row")
BATCH_ROWS = 4096
"""Made into objects at once."""


class Rows(Sequence[Row]):
    """Rows that become objects when they are asked for: equal to any other sequence of equal rows."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}({list(self)})" if len(self) < 4 else f"{name} of {len(self)} rows"


class Columns(Rows[Row]):
    """Rows of an Arrow table. As an object a row of an image takes a kilobyte, in columns some 150 bytes.

    Args:
        table: the columns.
        make: a row of its values, in the order of the columns; what is a list there is a tuple here.
    """

    def __init__(self, table: pa.Table, make: Callable[..., Row]):
        self.table = table
        self._make = make

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        """A row, or a list of some."""
        if isinstance(place, slice):
            places = range(len(self))[place]
            if places.step == 1:
                return list(self._rows(self.table.slice(places.start, len(places))))
            return list(self._rows(self.table.take(list(places))))
        return next(self._rows(self.table.slice(range(len(self))[place], 1)))

    def __iter__(self) -> Iterator[Row]:
        return self._rows(self.table)

    def _rows(self, table: pa.Table) -> Iterator[Row]:
        for batch in table.to_batches(BATCH_ROWS):
            for values in zip(*map(_values, batch.columns), strict=True):
                yield self._make(*values)


def in_columns(
    rows: Iterable[Row], schema: pa.Schema, make: Callable[..., Row], parts: int = BATCH_ROWS
) -> Columns[Row]:
    """Rows column by column; as they are, where they lie so already.

    Args:
        rows: whose attributes are called as the columns are.
        schema: of the columns.
        make: see :class:`Columns`.
        parts: rows that are turned at once.
    """
    if isinstance(rows, Columns):
        return rows
    batches, some = [], list[Row]()
    for row in rows:
        some.append(row)
        if len(some) == parts:
            batches.append(_batch(some, schema))
            some = []
    return Columns(pa.Table.from_batches([*batches, _batch(some, schema)], schema), make)


def _values(column: pa.Array) -> list[Any]:
    values: list[Any] = column.to_pylist()
    return list(map(tuple, values)) if pa.types.is_list(column.type) else values


def _batch(rows: Sequence[Row], schema: pa.Schema) -> pa.RecordBatch:
    columns = [pa.array([getattr(row, each.name) for row in rows], each.type) for each in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)

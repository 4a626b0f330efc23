"""Parquet tables of a given schema: written with checksums, refused in one line where they are damaged."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wsdkd.ground.errors import UserError
from wsdkd.ground.failures import naming
from wsdkd.ground.reading import require_file

WRITTEN_BY = "run the stage that writes it: dvc repro"
GROUP_ROWS = 1 << 20
"""Rows that stand together in a file, column by column: PyArrow's own number."""


def write_parquet(
    path: Path,
    table: pa.Table,
    *,
    repeating: Sequence[str],
    order: np.ndarray | None = None,
    schema: pa.Schema | None = None,
) -> None:
    """Write a table with a checksum a page; equal tables give equal bytes, however they lie in memory.

    A group of rows is put in order, turned and written at a time: that takes memory for a copy of it alone.

    Args:
        path: of the new file.
        table: what to write.
        repeating: columns with few different values, such as a split. A dictionary makes these shorter;
            building one of texts that stand there once, such as ids, takes time for nothing.
        order: places (n,) of all rows, as they are to be written; as they are by default.
        schema: of the file, of the same columns; that of the table by default.
    """
    schema = schema or table.schema
    settings = {"write_page_checksum": True, "use_dictionary": list(repeating), "compression": "lz4"}
    with pq.ParquetWriter(path, schema, **settings) as writer:
        for start in range(0, max(1, table.num_rows), GROUP_ROWS):  # of none, too, there is a group
            stop = start + GROUP_ROWS
            part = _rows(None if order is None else order[start:stop], start, min(stop, table.num_rows))
            columns = (_one_piece(table.column(each.name), part, each.type) for each in schema)
            writer.write_table(pa.Table.from_arrays(list(columns), schema=schema), row_group_size=GROUP_ROWS)


def _rows(order: np.ndarray | None, start: int, stop: int) -> slice | np.ndarray:
    # Rows that stand together need not be copied: most data sets are in order.
    together = order is None or np.array_equal(order, np.arange(start, stop))
    return slice(start, stop) if together or order is None else order


def _one_piece(column: pa.ChunkedArray, rows: slice | np.ndarray, kind: pa.DataType) -> pa.ChunkedArray:
    # One column after the other, so that of one alone there is a copy too many. In one piece, as pages begin
    # anew with each.
    part = (column[rows] if isinstance(rows, slice) else column.take(rows)).cast(kind)
    return part if part.num_chunks == 1 else pa.chunked_array([part.combine_chunks()], kind)


def read_batches(
    path: Path, schema: pa.Schema, kind: str, *, rows: int, buffer_size: int = 0
) -> Iterator[pa.RecordBatch]:
    """Read a table by batches, and compare the checksums of its pages on the way.

    Args:
        path: of the file.
        schema: the columns that it must have, with their types; none may be empty anywhere.
        kind: what the table is, for the message: "images", "objects".
        rows: of a batch, at most.
        buffer_size: bytes of a column read at once; 0 for all of a row group.

    Raises:
        UserError: there is no such file, it is damaged, or its columns are others.
    """
    require_file(path, WRITTEN_BY)
    count = 0
    with naming(path, WRITTEN_BY):
        file = pq.ParquetFile(path, buffer_size=buffer_size, page_checksum_verification=True)
    with file:
        if not file.schema_arrow.equals(schema):
            names = ", ".join(file.schema_arrow.names)
            raise UserError(f"{path}: not a table of {kind}: its columns are {names}; {WRITTEN_BY}")
        batches = file.iter_batches(rows)
        while True:
            with naming(path, WRITTEN_BY):
                batch = next(batches, None)
            if batch is None:
                break
            for name in schema.names:
                if batch.column(name).null_count:
                    refuse_rows(path, name, batch.column(name).is_null().to_numpy(False), count, "is empty")
            count += batch.num_rows
            yield batch
        # What says how many rows there are is not covered by the checksums.
        if count != file.metadata.num_rows:
            raise UserError(f"{path}: damaged: {count} rows of {file.metadata.num_rows}; {WRITTEN_BY}")


def telling(table: pa.Table, key: str, value: str) -> pa.Table:
    """The table, beside whose columns stands one more text."""
    return table.replace_schema_metadata({**(table.schema.metadata or {}), key: value})


def told(path: Path, key: str) -> str | None:
    """The text that :func:`telling` put into a table; None where there is none of that key.

    Raises:
        UserError: the file is missing or damaged.
    """
    require_file(path, WRITTEN_BY)
    with naming(path, WRITTEN_BY):
        value = (pq.read_schema(path).metadata or {}).get(key.encode())
        return None if value is None else value.decode()


def refuse_rows(path: Path, field: str, wrong: np.ndarray, start: int, reason: str) -> None:
    """Refuse the first row that is wrong, if any.

    Args:
        path: of the table.
        field: the column that is wrong.
        wrong: bool (n,), of consecutive rows.
        start: place of the first of these rows in the table, from 0.
        reason: what is wrong with it, in words behind the field's name.

    Raises:
        UserError: names the file, the row (from 0) and the field.
    """
    if wrong.any():
        raise UserError(f"{path}: row {start + int(np.argmax(wrong))}: {field} {reason}; {WRITTEN_BY}")

"""Reading a Parquet table that must have the columns of a schema."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from wsdkd.errors import UserError


def open_parquet(path: Path, schema: pa.Schema, kind: str) -> pq.ParquetFile:
    """Open the table at ``path``, to be read as a whole or by batches of rows.

    Args:
        path: the file.
        schema: the columns it must have, with their types.
        kind: what the table is, for the message: "images", "objects".

    Raises:
        UserError: there is no such file, it is not Parquet, or its columns are others.
    """
    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run the stage that writes it: dvc repro") from None
    except pa.ArrowInvalid as error:
        raise UserError(f"{path}: not a Parquet file: {error}") from None
    if not file.schema_arrow.equals(schema):
        names = ", ".join(file.schema_arrow.names)
        raise UserError(f"{path}: not a table of {kind}: its columns are {names}")
    return file

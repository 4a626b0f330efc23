"""Rows in columns, and tables written from them a group of rows at a time."""

import random
from collections.abc import Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wsdkd.data import parquet
from wsdkd.data.annotations import OBJECTS_SCHEMA, ObjectRow, placed, read_objects, write_objects
from wsdkd.data.tables import IMAGES_SCHEMA, REPEATING, ImageRow, image_columns, read_images, write_images

ROW = ImageRow("a", "images/a.jpg", 64, 48, "train", (0, 2), (1,), "00ff")
ROWS = [replace(ROW, image_id="b", split="test", labels=(), ignored=()), ROW]
OBJECTS = [ObjectRow("b", 1, 0.5, 1, 2, 3.25, True, False), ObjectRow("a", 0, 0, 0, 64, 48, False, True)]


@pytest.mark.parametrize("group", [1, 7, 30, 1 << 20])
def test_tables_are_written_by_groups_of_rows_as_if_at_once(
    group: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes as PyArrow writes of the whole table, sorted by Python."""
    monkeypatch.setattr(parquet, "GROUP_ROWS", group)
    rng = random.Random(0)
    names = [f"{rng.choice('aZé🎉')}/{number}" for number in range(30)]
    rows = [
        ImageRow(name, name, 60, 40, rng.choice(["train", "val"]), tuple(range(place % 4)), (5,), "0" * 64)
        for place, name in enumerate(rng.sample(names, 30))
    ]
    objects = [
        # Boxes that differ by less than a file tells are in order all the same.
        ObjectRow(
            name, rng.randrange(2), *(rng.choice([1, 1 + 1e-12]) for _ in range(4)), *[rng.random() < 0.5] * 2
        )
        for name in rng.choices(names, k=90)
    ]
    write_images(tmp_path / "images.parquet", rows)
    write_objects(tmp_path / "objects.parquet", objects)
    whole: list[tuple[str, Sequence[Any], pa.Schema, Sequence[str]]] = [
        ("images", sorted(rows, key=lambda row: row.image_id), IMAGES_SCHEMA, REPEATING),
        (
            "objects",
            sorted(objects, key=astuple),
            OBJECTS_SCHEMA,
            ("image_id", "label", "difficult", "crowd"),
        ),
    ]
    for name, ordered, schema, repeating in whole:
        table = pa.table({key: [getattr(row, key) for row in ordered] for key in schema.names}, schema)
        pq.write_table(
            table,
            tmp_path / "whole",
            row_group_size=group,
            write_page_checksum=True,
            use_dictionary=list(repeating),
            compression="lz4",
        )
        assert (tmp_path / f"{name}.parquet").read_bytes() == (tmp_path / "whole").read_bytes()
        assert pq.ParquetFile(tmp_path / "whole").num_row_groups == -(-len(ordered) // group)
    assert read_images(tmp_path / "images.parquet") == whole[0][1]
    assert len(read_objects(tmp_path / "objects.parquet")) == 90


def test_rows_in_columns_are_the_rows() -> None:
    columns = image_columns(ROWS)
    assert columns == ROWS
    assert columns != ROWS[:1]
    assert columns[-1] == ROWS[-1]
    assert columns[::-1] == ROWS[::-1]
    assert columns[1:] == ROWS[1:]
    assert image_columns(columns) is columns
    assert image_columns([]) == ()
    assert placed(OBJECTS) == OBJECTS
    with pytest.raises(IndexError):
        columns[len(ROWS)]

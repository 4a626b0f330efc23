"""Rows in columns against rows as objects; and the tables of small data sets against the plain way."""

import hashlib
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageOps
from pydantic import TypeAdapter

from tests.datasets.small_datasets import SMALL
from wsdkd.data.annotations import OBJECTS_SCHEMA, ObjectRow
from wsdkd.data.images import Measured
from wsdkd.data.tables import EVERY_SPLIT, IMAGES_SCHEMA, REPEATING, UNLABELLED, ImageRow
from wsdkd.datasets.checks import rows
from wsdkd.datasets.checks.file import Checked
from wsdkd.datasets.checks.looked import Looked
from wsdkd.datasets.checks.rows import Objects, rows_of
from wsdkd.datasets.on_disk import write_prepared
from wsdkd.datasets.params import DatasetParams
from wsdkd.datasets.prepare import read_annotations
from wsdkd.datasets.reading.record_table import RecordTable
from wsdkd.datasets.reading.records import ImageRecord


@pytest.mark.parametrize(("batch", "group"), [(1, 1), (3, 7), (4096, 1 << 20)])
@pytest.mark.parametrize("num_classes", [None, 0, 9])
def test_rows_are_made_of_records_and_of_what_was_found(
    batch: int, group: int, num_classes: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "BATCH", batch)
    monkeypatch.setattr(rows, "GROUP_ROWS", group)
    rng = random.Random(0)
    classes = range(num_classes or 9)
    records = [
        ImageRecord(
            f"é{place}",
            rng.choice([f"é{place}", "other.jpg"]),
            rng.choice(EVERY_SPLIT),
            tuple(sorted(rng.sample(classes, rng.randrange(3)))),
            tuple(sorted(rng.sample(classes, rng.randrange(10)))),
        )
        for place in range(20)
    ]
    digests = [hashlib.sha256(record.image_id.encode()).hexdigest() for record in records]
    found = [Checked(Measured(place + 1, 99, 1), digest) for place, digest in enumerate(digests)]
    keep = np.array([rng.random() < 0.7 for _ in records])
    hidden = [record.split == UNLABELLED and num_classes is not None for record in records]
    expected = [
        ImageRow(
            record.image_id,
            record.path,
            place + 1,
            99,
            record.split,
            () if hidden[place] else record.labels,
            tuple(range(num_classes or 0)) if hidden[place] else record.ignored,
            digests[place],
        )
        for place, record in enumerate(records)
    ]
    table, looked = RecordTable(records), Looked(found, len(found))
    assert rows_of(table, looked, None, num_classes) == expected
    kept = [row for row, stays in zip(expected, keep, strict=True) if stays]
    assert rows_of(table, looked, keep, num_classes) == kept


def test_no_records_are_no_rows() -> None:
    assert rows_of(RecordTable(), Looked([], 0), np.zeros(0, bool), 9) == ()
    assert Objects(5).of([]) == ()


@pytest.mark.parametrize("form", SMALL)
def test_tables_hold_what_was_annotated_and_nothing_else_byte_for_byte(form: str, tmp_path: Path) -> None:
    """The way without columns: an object a row, sorted by Python, written at once by PyArrow."""
    root, to = tmp_path / "root", tmp_path / "prepared"
    root.mkdir()
    keys: dict[str, Any] = {
        "root": str(root),
        **SMALL[form](root),
        "validation_fraction": 0.3,
        "split_seed": 1,
    }
    params = TypeAdapter(DatasetParams).validate_python(keys)
    prepared = write_prepared(root, params, to)
    images, objects = [], []
    splits = {row.image_id: row.split for row in prepared.images()}
    for record in read_annotations(root, params, tmp_path).images:
        content = (root / record.path).read_bytes()
        with Image.open(root / record.path) as picture:
            stored = picture.size
            width, height = ImageOps.exif_transpose(picture).size
        labels = record.labels, record.ignored
        digest = hashlib.sha256(content).hexdigest()
        images.append(
            ImageRow(record.image_id, record.path, width, height, splits[record.image_id], *labels, digest)
        )
        for item in record.objects:
            x1, y1, x2, y2 = item.box
            if stored != (width, height):  # turned to the left; the annotated size is of the stored picture
                x1, y1, x2, y2 = y1, stored[0] - x2, y2, stored[0] - x1
            box = np.clip([x1, y1, x2, y2], 0, [width, height, width, height]).tolist()
            objects.append(ObjectRow(record.image_id, item.label, *box, item.difficult, item.crowd))
    assert len(images) > 5
    told = pq.read_metadata(to / "images.parquet").metadata[b"classes"]
    schema = IMAGES_SCHEMA.with_metadata({b"classes": told})
    repeating = ["image_id", "label", "difficult", "crowd"]
    for name, some, columns, dictionary in (
        ("images", images, schema, list(REPEATING)),
        ("objects", objects, OBJECTS_SCHEMA, repeating),
    ):
        ordered = sorted(some, key=lambda row: tuple(getattr(row, key) for key in columns.names))
        table = pa.table({key: [getattr(row, key) for row in ordered] for key in columns.names}, columns)
        pq.write_table(
            table, tmp_path / "plain", write_page_checksum=True, use_dictionary=dictionary, compression="lz4"
        )
        assert (to / f"{name}.parquet").read_bytes() == (tmp_path / "plain").read_bytes()

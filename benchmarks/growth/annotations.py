"""Memory of ``prepare`` an image, for annotations that are simulated.

    python -m benchmarks.growth.annotations --images 100000 --boxes 3

The records of a reader are drawn, and what decoding finds is made up, so that no photograph is needed. All
that stands between is what the stage does: it joins, checks, compares, splits, counts and writes.
"""

import hashlib
import random
import resource
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import typer

from benchmarks.command import run
from wsdkd.data.images import Measured
from wsdkd.datasets.checks.file import Checked
from wsdkd.datasets.on_disk import write_prepared
from wsdkd.datasets.params import TableDataset
from wsdkd.datasets.reading.records import ImageRecord, ObjectRecord, Reading

CLASSES, LABELS = 80, 3
GRID = 81
"""Bytes of grey levels of a picture."""


def _peak() -> int:
    """Bytes that this process had at most until now."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _record(number: int, boxes: int, rng: random.Random) -> ImageRecord:
    name, labels = f"train/{number:012d}.jpg", tuple(sorted(rng.sample(range(CLASSES), LABELS)))
    objects = tuple(
        ObjectRecord(labels[place % LABELS], (1 + rng.random(), 2.0, 100 + rng.random(), 200.0))
        for place in range(boxes)
    )
    return ImageRecord(name, name, "train", labels, objects=objects)


def _found(_: Any, paths: Sequence[str], *__: Any, **___: Any) -> Iterator[Checked]:
    """What decoding would find: pictures of one size, none like another."""
    for path in paths:
        grid = hashlib.shake_128(path.encode()).digest(GRID)
        yield Checked(Measured(640, 480, 1, grid=grid), hashlib.sha256(path.encode()).hexdigest())


def main(
    images: Annotated[int, typer.Option(min=1, help="Images to simulate.")] = 100_000,
    boxes: Annotated[int, typer.Option(min=0, help="Annotated boxes of each.")] = 3,
) -> None:
    """Prepare them, and print the bytes an image: of what a reader gives, and at most."""
    before, rng = _peak(), random.Random(0)  # noqa: S311
    records = tuple(_record(number, boxes, rng) for number in range(images))
    reading = Reading(tuple(f"class {number}" for number in range(CLASSES)), records)
    read = _peak()
    with (
        tempfile.TemporaryDirectory() as name,
        patch("wsdkd.datasets.prepare.read_annotations", return_value=reading),
        patch("wsdkd.datasets.checks.images.map_pictures", _found),
    ):
        root = Path(name)
        write_prepared(root, TableDataset(format="table", root=name, file="rows.csv"), root / "prepared")
    typer.echo(
        f"{images:,} images with {boxes} boxes each: {(read - before) / images:,.0f} bytes an image as a "
        f"reader gives them, {(_peak() - before) / images:,.0f} at most"
    )


if __name__ == "__main__":
    run(main)

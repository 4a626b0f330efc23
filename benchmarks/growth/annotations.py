"""Memory of ``prepare`` an image, for annotations that are simulated.

    python -m benchmarks.growth.annotations --images 100000 --boxes 3

The records of a reader are drawn, and what decoding finds is made up, so that no photograph is needed. All
that stands between is what the stage does: it joins, checks, compares, splits, counts and writes.
"""

import hashlib
import multiprocessing
import random
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import typer

from benchmarks.command import run
from wsdkd.data.images import Measured
from wsdkd.datasets.checks.file import Checked
from wsdkd.datasets.on_disk import write_prepared
from wsdkd.datasets.params import TableDataset
from wsdkd.datasets.reading.record_table import RecordTable
from wsdkd.datasets.reading.records import ImageRecord, ObjectRecord, Reading

CLASSES, LABELS = 80, 3
PART = 5
"""How many times as many images a measurement is of as the one that it is compared with."""
GRID = 81
"""Bytes of grey levels of a picture."""


def _peak() -> int:
    """Bytes that this process had at most until now; ``ru_maxrss`` counts what its parent had, too."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return 1024 * int(status["VmHWM"].split()[0])


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


def prepare_drawn(images: int, boxes: int, root: Path) -> tuple[int, int]:
    """Prepare so many images, with so many boxes each, into ``root/prepared``.

    Returns:
        The bytes that this process had at most: until its reader was done, and in the end.
    """
    read = []

    def reader(*_: Any) -> Reading:
        rng = random.Random(0)  # noqa: S311
        records = RecordTable(_record(number, boxes, rng) for number in range(images))
        read.append(_peak())
        return Reading(tuple(f"class {number}" for number in range(CLASSES)), records)

    with (
        patch("wsdkd.datasets.prepare.read_annotations", reader),
        patch("wsdkd.datasets.checks.images.map_pictures", _found),
    ):
        params = TableDataset(format="table", root=str(root), file="rows.csv")
        write_prepared(root, params, root / "prepared")
    return read[0], _peak()


def measured(images: int, boxes: int) -> tuple[float, float]:
    """Bytes an image, in a process of its own: of what a reader gives, and at most.

    It is what all of them take beyond a fifth of them, an image: not what is loaded or computed at once.
    """
    sizes = (images // PART, images)
    with tempfile.TemporaryDirectory() as name:
        found = []
        for size in sizes:
            # A process that has had more memory before has some of it still.
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
                found.append(alone.submit(prepare_drawn, size, boxes, Path(name)).result())
    few, many = found
    read, most = ((after - before) / (sizes[1] - sizes[0]) for before, after in zip(few, many, strict=True))
    return read, most


def main(
    images: Annotated[int, typer.Option(min=100, help="Images to simulate.")] = 100_000,
    boxes: Annotated[int, typer.Option(min=0, help="Annotated boxes of each.")] = 3,
) -> None:
    """Prepare them, and print the bytes an image: of what a reader gives, and at most."""
    read, most = measured(images, boxes)
    typer.echo(
        f"{images:,} images with {boxes} boxes each: {read:,.0f} bytes an image as a reader gives them, "
        f"{most:,.0f} at most"
    )


if __name__ == "__main__":
    run(main)

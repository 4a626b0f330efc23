"""Preparing photographs by all cores, against what all cores do where they decode and nothing else."""

import io
from collections.abc import Sequence

from PIL import Image
from pydantic import TypeAdapter

from benchmarks.bench.alternate import alternate
from benchmarks.bench.at_once import at_once
from benchmarks.bench.photographs import HEIGHT, WIDTH, photographs, write_photographs
from benchmarks.bench.row import Measured, Row
from benchmarks.bench.world import World
from wsdkd.datasets.params import DatasetParams
from wsdkd.datasets.prepare import prepare
from wsdkd.ground.workers import worker_count

CLASSES = 20


def _measure(world: World) -> Measured:
    root = world.folder / "photographs"
    count, cores = world.sizes.photographs, worker_count()
    write_photographs(root, count, CLASSES)
    params: DatasetParams = TypeAdapter(DatasetParams).validate_python({"format": "table", "root": str(root)})
    contents = photographs(world.sizes.decoded)
    with at_once(_decode, contents) as bare:
        return alternate(
            lambda: prepare(root, params),
            bare,
            world.sizes.pairs,
            items=count,
            item="image",
            other_items=len(contents) * cores,
            note=f"{count} files of {WIDTH} x {HEIGHT} pixels, {len(contents[0]) // 1000} kB each, on "
            f"{cores} cores, starting the processes included",
        )


def _decode(contents: Sequence[bytes]) -> None:
    for content in contents:
        Image.open(io.BytesIO(content)).load()


ROWS = (
    Row(
        "prepare",
        "prepare: annotations read, every file read, hashed and decoded, by all cores",
        "decoding alone, in as many processes that have begun, files in memory",
        _measure,
        target=0.7,
    ),
)

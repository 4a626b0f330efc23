"""Labelling many photographs, against what the cores would take for decoding and the network alone."""

from pathlib import Path

import torch

from benchmarks.bench.alternate import alternate
from benchmarks.bench.photographs import HEIGHT, WIDTH, write_photographs
from benchmarks.bench.row import Measured, Row
from benchmarks.bench.world import World
from wsdkd.data.images import load_square
from wsdkd.ground.workers import worker_count
from wsdkd.networks.decoding import as_batch
from wsdkd.student.run import label_pictures

CLASSES = 20
BATCH = 32


def _measure(world: World) -> Measured:
    student, device, cores = world.student, world.device, worker_count()
    size, count = student.params.input_size, world.sizes.labelled
    root = world.folder / "labelled"
    paths = [root / row.path for row in write_photographs(root, count, CLASSES)]
    batch = as_batch([load_square(path, size) for path in paths[:BATCH]]).to(device)

    def ours() -> None:
        for _ in label_pictures(student, paths, batch_size=BATCH, device=device):
            pass

    @torch.inference_mode()
    def bare() -> None:
        # One process's share of the decoding, and then the network by all cores: none of them ever waits.
        _decode(paths[: count // cores], size)
        for start in range(0, count, BATCH):
            student.model(batch[: count - start]).cpu()

    return alternate(
        ours,
        bare,
        world.sizes.pairs,
        items=count,
        item="image",
        note=f"{count} JPEG files of {WIDTH} x {HEIGHT} pixels, {BATCH} a pass at {size} px, on {cores} "
        "cores",
    )


def _decode(paths: list[Path], size: int) -> None:
    for path in paths:
        load_square(path, size)


ROWS = (
    Row(
        "predict",
        "predict: files read, decoded, scaled and labelled",
        "one core's share of the decoding, then the forward passes by all cores, nothing beside them",
        _measure,
        target=0.9,
    ),
)

"""Time and memory of the search for pictures that look alike, among simulated ones.

    python -m benchmarks.alike --images 100000

Each picture is a smooth field with noise, as its grid of grey levels. A hundredth of them comes a second
time, altered by up to four grey levels: how many of these are found is printed, too.
"""

import resource
import time
from typing import Annotated

import numpy as np
import typer

from benchmarks.command import run
from wsdkd.data.likeness import SIDE, alike

CHUNK = 5_000
COARSE, CONTRAST, NOISE = 4, 40.0, 0.15


def _grids(count: int, rng: np.random.Generator) -> np.ndarray:
    # From coarse values to SIDE pixels by linear interpolation, along both sides.
    places = np.linspace(0, COARSE - 1, SIDE)
    weights = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(COARSE)))
    grids = np.empty((count, SIDE * SIDE), np.uint8)
    for start in range(0, count, CHUNK):
        part = grids[start : start + CHUNK]
        coarse = rng.normal(size=(len(part), COARSE, COARSE))
        fine = weights @ coarse @ weights.T + NOISE * rng.normal(size=(len(part), SIDE, SIDE))
        part[:] = (128 + CONTRAST * fine).clip(0, 255).reshape(len(part), -1)
    return grids


def main(images: Annotated[int, typer.Option(min=100, help="How many pictures.")] = 100_000) -> None:
    """Search, and print what it took."""
    rng = np.random.default_rng(0)
    grids = _grids(images, rng)
    again = grids[: images // 100].astype(int)
    altered = (again + rng.integers(-4, 5, again.shape)).clip(0, 255).astype(np.uint8)
    grids = np.concatenate([grids, altered])
    before, start = _peak(), time.process_time()
    found = set(map(tuple, alike(grids).tolist()))
    seconds = time.process_time() - start
    copies = sum((place, images + place) in found for place in range(len(altered)))
    typer.echo(
        f"{len(grids)} pictures: {seconds:.1f} s of one core, {_peak() - before} MB; "
        f"{copies} of {len(altered)} altered copies found, {len(found) - copies} other pairs"
    )


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    run(main)

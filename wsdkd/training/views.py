"""Which views of which images make up each batch of an epoch."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class View(NamedTuple):
    """One image as a network sees it once."""

    row: int
    """Place of the image in the table of training images."""
    mirrored: bool
    size: int
    """Side of the square input, in pixels."""


def epoch_batches(
    images: int, batch_size: int, sizes: Sequence[int], seed: int, epoch: int
) -> list[list[View]]:
    """Shuffle all images into batches, each mirrored at random, each batch of one random size.

    The same seed and epoch give the same batches, however many processes share them: a batch is
    that of all processes together. What is left over after the last whole batch waits for another
    epoch, unless there is no whole batch at all.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(images)
    mirrored = rng.random(images) < 0.5
    batches = []
    for start in range(0, max(images - batch_size, 0) + 1, batch_size):
        size = sizes[int(rng.integers(len(sizes)))]
        rows = order[start : start + batch_size]
        batches.append([View(int(row), bool(mirrored[row]), size) for row in rows])
    return batches

"""Which views of which images make up each batch of an epoch."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, overload

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


class EpochViews(Sequence[list[View]]):
    """The batches of many epochs in a row, each epoch's shuffled when it is first asked for.

    Args:
        images: how many there are.
        batch_size: images a batch, of all processes together.
        sizes: sides of the square input, in pixels.
        seed: of all epochs.
        epochs: numbers of the epochs.
    """

    def __init__(self, images: int, batch_size: int, sizes: Sequence[int], seed: int, epochs: range):
        self.epochs = epochs
        self.steps = max(images // batch_size, 1)
        """Batches an epoch."""
        self._shuffle = partial(epoch_batches, images, batch_size, sizes, seed)
        self._current: tuple[int, list[list[View]]] = (-1, [])

    def __len__(self) -> int:
        """Batches of all epochs."""
        return len(self.epochs) * self.steps

    @overload
    def __getitem__(self, place: int) -> list[View]: ...

    @overload
    def __getitem__(self, place: slice) -> list[list[View]]: ...

    def __getitem__(self, place: int | slice) -> list[View] | list[list[View]]:
        """The batch at a place in the row of all epochs."""
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        epoch = self.epochs[place // self.steps]
        if self._current[0] != epoch:
            self._current = (epoch, self._shuffle(epoch))
        return self._current[1][place % self.steps]

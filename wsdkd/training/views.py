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


class Batches(Sequence[list[View]]):
    """Batches of views, in a few bytes an image; views are made when a batch is asked for.

    Args:
        order: places of images, batch after batch.
        mirrored: bool (N,), of every image; None where none is.
        sizes: of each batch the side of the square input, in pixels.
        batch_size: images a batch; the last may have fewer.
        which: batches of all these.
    """

    def __init__(
        self,
        order: Sequence[int] | np.ndarray,
        mirrored: np.ndarray | None,
        sizes: Sequence[int],
        batch_size: int,
        which: range | None = None,
    ):
        self._order, self._mirrored, self._sizes, self._batch_size = order, mirrored, sizes, batch_size
        self._which = range(len(sizes)) if which is None else which

    def __len__(self) -> int:
        return len(self._which)

    @overload
    def __getitem__(self, place: int) -> list[View]: ...

    @overload
    def __getitem__(self, place: slice) -> "Batches": ...

    def __getitem__(self, place: int | slice) -> "list[View] | Batches":
        """The views of a batch, or some of the batches."""
        if isinstance(place, slice):
            return Batches(self._order, self._mirrored, self._sizes, self._batch_size, self._which[place])
        batch = self._which[place]
        start, size = batch * self._batch_size, self._sizes[batch]
        rows = [int(row) for row in self._order[start : start + self._batch_size]]
        return [View(row, self._mirrored is not None and bool(self._mirrored[row]), size) for row in rows]


def plain_batches(images: int, batch_size: int, size: int) -> Batches:
    """All images in order, none mirrored; the last batch may be small."""
    return Batches(range(images), None, [size] * -(-images // batch_size), batch_size)


def epoch_batches(images: int, batch_size: int, sizes: Sequence[int], seed: int, epoch: int) -> Batches:
    """Shuffle all images into batches, each mirrored at random, each batch of one random size.

    The same seed and epoch give the same batches, however many processes share them: a batch is
    that of all processes together. What is left over after the last whole batch waits for another
    epoch, unless there is no whole batch at all.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(images)
    mirrored = rng.random(images) < 0.5
    starts = range(0, max(images - batch_size, 0) + 1, batch_size)
    chosen = [sizes[int(rng.integers(len(sizes)))] for _ in starts]
    return Batches(order, mirrored, chosen, batch_size)


class BatchParts(Sequence[list[View]]):
    """Batches, each in several parts of about equal size.

    Args:
        batches: whole ones.
        parts: of each batch.
    """

    def __init__(self, batches: Sequence[Sequence[View]], parts: int):
        self._batches, self._parts = batches, parts

    def __len__(self) -> int:
        """Parts of all batches."""
        return len(self._batches) * self._parts

    @overload
    def __getitem__(self, place: int) -> list[View]: ...

    @overload
    def __getitem__(self, place: slice) -> list[list[View]]: ...

    def __getitem__(self, place: int | slice) -> list[View] | list[list[View]]:
        """The part at a place in the row of all parts."""
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        batch, part = divmod(place, self._parts)
        return list(self._batches[batch][part :: self._parts])


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
        self._current: tuple[int, Sequence[list[View]]] = (-1, [])

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

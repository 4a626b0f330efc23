"""Which views of which images make up each batch of an epoch."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, overload

import numpy as np

from wsdkd.training.sampling import repeated_order


class View(NamedTuple):
    """One image as a network sees it once."""

    row: int
    """Place of the image in the table of training images."""
    mirrored: bool
    size: int
    """Side of the square input, in pixels."""


class Batches(Sequence[list[View]]):
    """Batches in a row; the views of each, and of each in a slice, are made when it is asked for."""

    @abstractmethod
    def views_of(self, place: int) -> list[View]:
        """The views of the batch at a place that is in the row."""

    @overload
    def __getitem__(self, place: int) -> list[View]: ...

    @overload
    def __getitem__(self, place: slice) -> "Batches": ...

    def __getitem__(self, place: int | slice) -> "list[View] | Batches":
        """The views of a batch, or some of the batches."""
        places = range(len(self))[place]
        return self.views_of(places) if isinstance(places, int) else SomeBatches(self, places)


class SomeBatches(Batches):
    """Those at certain places of a row."""

    def __init__(self, batches: Batches, places: range):
        self._batches, self._places = batches, places

    def __len__(self) -> int:
        """How many places."""
        return len(self._places)

    def views_of(self, place: int) -> list[View]:
        """See :class:`Batches`."""
        return self._batches.views_of(self._places[place])


class OrderedBatches(Batches):
    """Images in a given order, in a few bytes an image.

    Args:
        order: places of images, batch after batch.
        mirrored: bool (N,), of every image; None where none is.
        sizes: of each batch the side of the square input, in pixels.
        batch_size: images a batch; the last may have fewer.
    """

    def __init__(
        self,
        order: Sequence[int] | np.ndarray,
        mirrored: np.ndarray | None,
        sizes: Sequence[int],
        batch_size: int,
    ):
        self._order, self._mirrored, self._sizes, self._batch_size = order, mirrored, sizes, batch_size

    def __len__(self) -> int:
        """How many sizes."""
        return len(self._sizes)

    def views_of(self, place: int) -> list[View]:
        """See :class:`Batches`."""
        start, size = place * self._batch_size, self._sizes[place]
        rows = [int(row) for row in self._order[start : start + self._batch_size]]
        return [View(row, self._mirrored is not None and bool(self._mirrored[row]), size) for row in rows]


def plain_batches(images: int, batch_size: int, size: int) -> Batches:
    """All images in order, none mirrored; the last batch may be small."""
    return OrderedBatches(range(images), None, [size] * -(-images // batch_size), batch_size)


def epoch_batches(
    images: int,
    batch_size: int,
    sizes: Sequence[int],
    seed: int,
    epoch: int,
    repeats: np.ndarray | None = None,
) -> Batches:
    """Shuffle all images into batches, each mirrored at random, each batch of one random size.

    The same seed and epoch give the same batches, however many processes share them: a batch is
    that of all processes together. What is left over after the last whole batch waits for another
    epoch, unless there is no whole batch at all.

    With ``repeats``, (N,), images stand in an epoch about in proportion to these factors instead of once
    each (:mod:`wsdkd.training.sampling`).
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(images) if repeats is None else repeated_order(rng, repeats)
    mirrored = rng.random(images) < 0.5
    starts = range(0, max(images - batch_size, 0) + 1, batch_size)
    chosen = [sizes[int(rng.integers(len(sizes)))] for _ in starts]
    return OrderedBatches(order, mirrored, chosen, batch_size)


class BatchParts(Batches):
    """Batches, each in several parts of about equal size.

    Args:
        batches: whole ones.
        parts: of each batch.
    """

    def __init__(self, batches: Batches, parts: int):
        self._batches, self._parts = batches, parts

    def __len__(self) -> int:
        """Parts of all batches."""
        return len(self._batches) * self._parts

    def views_of(self, place: int) -> list[View]:
        """See :class:`Batches`."""
        batch, part = divmod(place, self._parts)
        return self._batches.views_of(batch)[part :: self._parts]


class EpochViews(Batches):
    """The batches of many epochs in a row, each epoch's shuffled when it is first asked for.

    Args:
        images: how many there are.
        batch_size: images a batch, of all processes together.
        sizes: sides of the square input, in pixels.
        seed: of all epochs.
        epochs: numbers of the epochs.
        repeats: (N,), how often each image is shown against the others; None: once an epoch.
    """

    def __init__(
        self,
        images: int,
        batch_size: int,
        sizes: Sequence[int],
        seed: int,
        epochs: range,
        repeats: np.ndarray | None = None,
    ):
        self.epochs = epochs
        self.steps = max(images // batch_size, 1)
        """Batches an epoch."""
        self._shuffle = partial(epoch_batches, images, batch_size, sizes, seed, repeats=repeats)
        self._current: tuple[int, Batches] | None = None

    def __len__(self) -> int:
        """Batches of all epochs."""
        return len(self.epochs) * self.steps

    def views_of(self, place: int) -> list[View]:
        """See :class:`Batches`."""
        epoch = self.epochs[place // self.steps]
        if self._current is None or self._current[0] != epoch:
            self._current = (epoch, self._shuffle(epoch))
        return self._current[1].views_of(place % self.steps)

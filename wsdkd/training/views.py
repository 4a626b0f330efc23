"""Which views of which images make up each batch of an epoch."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, overload

import numpy as np

from wsdkd.data.boxes import area, clip, mirror, to_input
from wsdkd.data.images import WHOLE
from wsdkd.training.augmentation import Change, draw_change
from wsdkd.training.params import Augmentation
from wsdkd.training.sampling import repeated_order

STAY = 0.5
"""Regions of which less than this share of their area is in view are left out of it."""


class SeenRegions(NamedTuple):
    """Regions of an image as they lie in a view.

    Attributes:
        boxes: (M, 4), in pixels of the network's input.
        places: int64 (M,), of these among the N regions asked for, ascending.
    """

    boxes: np.ndarray
    places: np.ndarray


class View(NamedTuple):
    """One image as a network sees it once."""

    row: int
    """Place of the image in the table of training images."""
    mirrored: bool
    size: int
    """Side of the square input, in pixels."""
    change: Change | None = None
    """What augmentation makes of it; None: the picture as it is."""
    turn: int = 0
    """Number of this view among all of a training, by which other things are drawn for it."""

    def regions(self, boxes: np.ndarray, width: int, height: int) -> SeenRegions:
        """Those regions of the image that are in view, cut off at its edges.

        Args:
            boxes: (N, 4), in pixels of the image.
            width: of the image, in pixels.
            height: of the image, in pixels.
        """
        if self.change is None or self.change.window == WHOLE:
            carried = to_input(boxes, width, height, self.size, self.mirrored)
            return SeenRegions(carried, np.arange(len(boxes)))
        left, top, right, bottom = self.change.window
        sides = [(right - left) * width, (bottom - top) * height] * 2
        corner = [left * width, top * height] * 2
        carried = (boxes - np.array(corner, boxes.dtype)) * (self.size / np.array(sides, boxes.dtype))
        within = clip(carried, self.size, self.size)
        places = np.flatnonzero((area(within) > 0) & (area(within) >= STAY * area(carried)))
        shown = within[places]
        return SeenRegions(mirror(shown, self.size) if self.mirrored else shown, places)


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
        change: of the view at a place in the order.
        first: turn of the first view.
    """

    def __init__(
        self,
        order: Sequence[int] | np.ndarray,
        mirrored: np.ndarray | None,
        sizes: Sequence[int],
        batch_size: int,
        change: Callable[[int], Change | None] = lambda _: None,
        first: int = 0,
    ):
        self._change, self._first = change, first
        self._order, self._mirrored, self._sizes, self._batch_size = order, mirrored, sizes, batch_size

    def __len__(self) -> int:
        """How many sizes."""
        return len(self._sizes)

    def views_of(self, place: int) -> list[View]:
        """See :class:`Batches`."""
        start, size = place * self._batch_size, self._sizes[place]
        rows = [int(row) for row in self._order[start : start + self._batch_size]]
        mirrored = [self._mirrored is not None and bool(self._mirrored[row]) for row in rows]
        return [
            View(row, turned, size, self._change(place), self._first + place)
            for place, (row, turned) in enumerate(zip(rows, mirrored, strict=True), start)
        ]


def plain_batches(images: int, batch_size: int, size: int) -> Batches:
    """All images in order, none mirrored; the last batch may be small."""
    return OrderedBatches(range(images), None, [size] * -(-images // batch_size), batch_size)


@dataclass(frozen=True)
class Showing:
    """How often images are shown in an epoch, and how much each showing differs from the picture.

    Attributes:
        repeats: (N,), factors, about in proportion to which images stand in an epoch; None: once each
            (:mod:`wsdkd.training.sampling`).
        augmentation: of each view (:mod:`wsdkd.training.augmentation`).
    """

    repeats: np.ndarray | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)


PLAIN = Showing()


def epoch_batches(
    images: int,
    batch_size: int,
    sizes: Sequence[int],
    seed: int,
    epoch: int,
    showing: Showing = PLAIN,
) -> Batches:
    """Shuffle all images into batches, each mirrored at random, each batch of one random size.

    The same seed and epoch give the same batches, however many processes share them: a batch is
    that of all processes together. What is left over after the last whole batch waits for another
    epoch, unless there is no whole batch at all.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(images) if showing.repeats is None else repeated_order(rng, showing.repeats)
    mirrored = rng.random(images) < 0.5
    starts = range(0, max(images - batch_size, 0) + 1, batch_size)
    chosen = [sizes[int(rng.integers(len(sizes)))] for _ in starts]
    change = partial(draw_change, showing.augmentation, seed, epoch)
    return OrderedBatches(order, mirrored, chosen, batch_size, change, first=epoch * images)


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
        showing: how often each image is shown, and how changed.
    """

    def __init__(
        self,
        images: int,
        batch_size: int,
        sizes: Sequence[int],
        seed: int,
        epochs: range,
        showing: Showing = PLAIN,
    ):
        self.epochs = epochs
        self.steps = max(images // batch_size, 1)
        """Batches an epoch."""
        self._shuffle = partial(epoch_batches, images, batch_size, sizes, seed, showing=showing)
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

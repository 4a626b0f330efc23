"""Batches for training: the frozen stem's features of views, and what teaches the network about them."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

import torch
from torch.utils.data import DataLoader, Dataset

from wsdkd.data.tables import ImageRow, targets
from wsdkd.ground.errors import UserError
from wsdkd.ground.failures import in_words
from wsdkd.ground.workers import worker_count
from wsdkd.networks.copies import Aside
from wsdkd.training.pictures import Pictures, Stem
from wsdkd.training.views import View

Batch = dict[str, torch.Tensor]
_PICTURES, _AHEAD = "pictures", "ahead"
Supervision = Callable[[Sequence[View]], Batch]
"""Gives what losses need of views besides pictures, on the CPU: labels, RoIs, the teacher's outputs."""


class SupervisionInStep(ABC):
    """A :data:`Supervision` that needs the training process, as a network on its device does.

    What can be loaded ahead is loaded by workers.
    """

    at_hand = False
    """Whether :meth:`load` needs no worker."""

    @abstractmethod
    def load(self, views: Sequence[View]) -> torch.Tensor:
        """What is to be loaded of views."""

    @abstractmethod
    def of(self, views: Sequence[View], loaded: torch.Tensor) -> Batch:
        """What losses need of views of which this was loaded."""

    def __call__(self, views: Sequence[View]) -> Batch:
        """Both, one after the other."""
        return self.of(views, self.load(views))


class Labels:
    """What the label loss needs of views: ``labels`` (B, K) and ``known`` (B, K)."""

    def __init__(self, rows: Sequence[ImageRow], num_classes: int):
        self.rows, self.num_classes = rows, num_classes

    def __call__(self, views: Sequence[View]) -> Batch:
        """See the class."""
        labels, known = targets([self.rows[view.row] for view in views], self.num_classes)
        return {"labels": torch.from_numpy(labels), "known": torch.from_numpy(known)}


def load_batches(
    batches: Sequence[Sequence[View]], stem: Stem, supervision: Supervision, rank: int = 0, processes: int = 1
) -> Iterator[Batch]:
    """Yield for each batch its ``stem`` features and ``supervision``, on the stem's device.

    Pictures that are not kept in memory are decoded by worker processes. Of several training
    processes each takes its own part of every batch, so that their number changes no batch.

    Args:
        batches: views of the batches, for all processes together.
        stem: gives the frozen stem's features.
        supervision: gives the rest.
        rank: place of this process.
        processes: how many train together.

    Raises:
        UserError: a picture or what the supervision reads is missing or damaged.
    """
    in_step = supervision if isinstance(supervision, SupervisionInStep) else None
    at_hand = stem.at_hand and (in_step is None or in_step.at_hand)
    workers = 0 if at_hand else max(1, worker_count() // processes)
    pictures = None if stem.at_hand else stem.pictures
    ahead = supervision if in_step is None else _LoadedAhead(in_step)
    dataset = _Loading(batches, slice(rank, None, processes), pictures, ahead)
    loader = DataLoader(
        dataset,
        batch_size=None,
        num_workers=workers,
        # A forked worker shares the proposals' and tables' memory; a spawned one would be sent a
        # copy of gigabytes. The cache's files are opened in the worker, never before.
        multiprocessing_context="fork" if workers and hasattr(os, "fork") else None,
        pin_memory=stem.device.type == "cuda",
        collate_fn=_as_is,
        # Of its own, as a loader draws from it when it starts: dropout must not depend on that.
        generator=torch.Generator(),
    )
    aside = Aside(stem.device)
    for loaded in loader:
        if isinstance(loaded, UserError):
            raise loaded
        listed, pictures, rest = loaded
        views = [View(*view) for view in listed]
        if in_step is not None:
            rest = in_step.of(views, rest[_AHEAD])
        given = rest if pictures is None else {**rest, _PICTURES: pictures}
        # On a GPU these copies run beside the step before this one.
        moved = dict(zip(given, aside.to_device(list(given.values())), strict=True))
        shown = moved.pop(_PICTURES, None)
        yield {"stem": stem.of(views, shown), **moved}


class _LoadedAhead:
    """What workers load for a supervision that needs the training process."""

    def __init__(self, supervision: SupervisionInStep):
        self.supervision = supervision

    def __call__(self, views: Sequence[View]) -> Batch:
        return {_AHEAD: self.supervision.load(views)}


_Loaded = tuple[list[View], torch.Tensor | None, Batch]


class _Loading(Dataset[_Loaded | UserError]):
    """Batches by their places; what a user can put right is returned: torch would put a traceback into it."""

    def __init__(
        self,
        batches: Sequence[Sequence[View]],
        part: slice,
        pictures: Pictures | None,
        supervision: Supervision,
    ):
        self.batches, self.part, self.pictures, self.supervision = batches, part, pictures, supervision

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, place: int) -> _Loaded | UserError:
        views = list(self.batches[place][self.part])
        try:
            pictures = None if self.pictures is None else self.pictures.load(views)
            return views, pictures, self.supervision(views)
        except Exception as error:
            said = in_words(error)
            if said is None:
                raise
            return UserError(said)


def _as_is(item: object) -> object:
    return item

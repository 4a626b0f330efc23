"""Batches for training: stem features of views with whatever else their loss needs."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch.utils.data import DataLoader, Dataset

from wsdkd.training.pictures import Pictures
from wsdkd.training.stem import Stem
from wsdkd.training.views import View
from wsdkd.workers import worker_count

Batch = dict[str, torch.Tensor]
Extras = Callable[[Sequence[View]], Batch]
"""What a loss needs of views besides their pictures, on the CPU: labels, RoIs, the teacher's outputs."""


class _Loading(Dataset[tuple[list[View], torch.Tensor | None, Batch]]):
    def __init__(self, batches: list[list[View]], pictures: Pictures | None, extras: Extras):
        self.batches, self.pictures, self.extras = batches, pictures, extras

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, place: int) -> tuple[list[View], torch.Tensor | None, Batch]:
        views = self.batches[place]
        pictures = None if self.pictures is None else self.pictures.load(views)
        return views, pictures, self.extras(views)


def load_batches(
    batches: Sequence[Sequence[View]], stem: Stem, extras: Extras, rank: int = 0, processes: int = 1
) -> Iterator[Batch]:
    """Yield for each batch its ``stem`` features and ``extras``, on the stem's device.

    Pictures that do not fit into memory are decoded by worker processes. Of several training
    processes each takes its own part of every batch, so that their number changes no batch.

    Args:
        batches: views of the batches, for all processes together.
        stem: gives the frozen stem's features.
        extras: gives the rest; must be picklable where workers are used.
        rank: place of this process.
        processes: how many train together.
    """
    mine = [list(batch[rank::processes]) for batch in batches]
    at_hand = stem.in_memory or stem.pictures.in_memory
    # Spawned workers: HDF5 and Arrow must not cross a fork.
    workers = 0 if at_hand else max(1, worker_count() // processes)
    dataset = _Loading(mine, None if at_hand else stem.pictures, extras)
    loader = DataLoader(
        dataset,
        batch_size=None,
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,
        pin_memory=stem.device.type == "cuda",
        collate_fn=_as_is,
    )
    move = partial(torch.Tensor.to, device=stem.device, non_blocking=True)
    for views, pictures, rest in loader:
        yield {
            "stem": stem.of([View(*view) for view in views], pictures),
            **{k: move(v) for k, v in rest.items()},
        }


def _as_is(item: object) -> object:
    return item

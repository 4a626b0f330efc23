"""Training steps one at a time, each as the loop takes it, and the batches for them."""

from collections.abc import Iterable, Iterator

import torch

from wsdkd.training.learner import Learner, Objective
from wsdkd.training.loader import Batch, load_batches
from wsdkd.training.loop import Task
from wsdkd.training.params import Optimisation
from wsdkd.training.pictures import Stem
from wsdkd.training.processes import start
from wsdkd.training.views import EpochViews, View

EPOCHS = range(1_000_000)  # more than anybody waits for


class Steps:
    """A learner, and its steps in one process."""

    def __init__(self, objective: Objective, params: Optimisation):
        self.accelerator = start(params)
        # A schedule that has an end would come to it.
        constant = params.model_copy(update={"schedule": "constant"})
        self.learner = Learner(objective, constant, 1, self.accelerator)
        self.learner.train()
        self.objective = objective

    def take_all(self, batches: Iterable[Batch]) -> None:
        """A step for each batch."""
        for batch in batches:
            self.learner.step([batch], images=len(batch["stem"]))


class Batches:
    """Shuffled batches by the training loader, as of an epoch after the first ones.

    Frozen layers' features of all views are in memory by then, where they fit, and they are here.

    Args:
        task: network, pictures of one size, and what the losses need besides.
        params: batch size and seed.
        device: where the batches go; the network is moved there.
    """

    def __init__(self, task: Task, params: Optimisation, device: torch.device):
        images, (size,) = len(task.pictures.rows), task.pictures.sizes
        self.supervision = task.supervision
        self.stem = Stem(task.objective.backbone.to(device), task.pictures, device)
        self.views = EpochViews(images, params.batch_size, [size], params.seed, EPOCHS)
        self._next = 0
        views = [View(row, mirrored, size) for row in range(images) for mirrored in (False, True)]
        for start_of in range(0, len(views), params.batch_size):
            self.stem.of(views[start_of : start_of + params.batch_size])

    def load(self, steps: int) -> Iterator[Batch]:
        """The next batches, each loaded when it is asked for."""
        views = self.views[self._next : self._next + steps]
        self._next += steps
        return load_batches(views, self.stem, self.supervision)

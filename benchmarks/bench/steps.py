"""Training steps one at a time, each as the loop takes it, and the batches for them."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch

from wsdkd.data.tables import ImageRow
from wsdkd.networks.backbones import Backbone
from wsdkd.training.learner import Learner, Objective, start
from wsdkd.training.loader import Batch, Supervision, load_batches
from wsdkd.training.params import Optimisation
from wsdkd.training.pictures import Pictures, Stem
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

    def take(self, batch: Batch) -> dict[str, float]:
        """One step; its losses."""
        losses = self.learner.step([batch], images=len(batch["stem"]))
        return {name: float(loss) for name, loss in losses.items()}

    def take_all(self, batches: Iterable[Batch]) -> None:
        """A step for each batch."""
        for batch in batches:
            self.take(batch)


class Batches:
    """Shuffled batches by the training loader, as of an epoch after the first ones.

    Frozen layers' features of all views are in memory by then, where they fit, and they are here.

    Args:
        rows: the images.
        root: folder that their paths are relative to.
        backbone: of the network that is trained.
        supervision: what its losses need besides pictures.
        size: side of the square input, in pixels.
        params: batch size and seed.
        device: of the network.
    """

    def __init__(
        self,
        rows: Sequence[ImageRow],
        root: Path,
        backbone: Backbone,
        supervision: Supervision,
        size: int,
        params: Optimisation,
        device: torch.device,
    ):
        self.supervision = supervision
        self.stem = Stem(backbone.to(device), Pictures(rows, root, [size]), device)
        self.views = EpochViews(len(rows), params.batch_size, [size], params.seed, EPOCHS)
        self._next = 0
        views = [View(row, mirrored, size) for row in range(len(rows)) for mirrored in (False, True)]
        for start_of in range(0, len(views), params.batch_size):
            self.stem.of(views[start_of : start_of + params.batch_size])

    def load(self, steps: int) -> Iterator[Batch]:
        """The next batches, each loaded when it is asked for."""
        views = self.views[self._next : self._next + steps]
        self._next += steps
        return load_batches(views, self.stem, self.supervision)

"""Which weights a training leaves behind: of its last epoch or of its best one, as they are or averaged."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from timm.utils.model_ema import ModelEmaV3
from torch import nn

from wsdkd.training.params import Optimisation

MAP = "mAP"
"""Under which a validation gives its mean average precision, in percent."""


class Kept:
    """What is validated after each epoch, and what is in the network in the end.

    Without ``average_decay`` these are the weights themselves, and with ``keep: last`` those of the last
    epoch: then nothing here takes memory or time.

    Args:
        model: learns; on its device, and not wrapped yet.
        params: whose ``average_decay`` and ``keep`` count.
    """

    def __init__(self, model: nn.Module, params: Optimisation):
        self._model = model
        self._average = None if params.average_decay is None else RunningAverage(model, params.average_decay)
        self._best = BestEpoch() if params.keep == "best" else None

    def step(self) -> None:
        """After a step of the optimiser."""
        if self._average is not None:
            self._average.update(self._model)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Within it, the model has the weights that may be kept."""
        if self._average is None:
            yield
            return
        self._average.exchange(self._model)
        try:
            yield
        finally:
            self._average.exchange(self._model)

    def consider(self, validated: dict[str, float]) -> None:
        """After an epoch, within :meth:`shown`; where the best is kept, ``validated`` has :data:`MAP`."""
        if self._best is not None:
            self._best.consider(validated[MAP], self._model)

    def take(self) -> None:
        """Give the model the weights that are kept; nothing else may follow."""
        if self._best is not None:
            self._best.restore(self._model)
        elif self._average is not None:
            self._average.exchange(self._model)

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on."""
        parts = {"average": self._average, "best": self._best}
        return {name: part.state_dict() for name, part in parts.items() if part is not None}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state of the same parameters."""
        if self._average is not None:
            self._average.load_state_dict(state["average"])
        if self._best is not None:
            self._best.load_state_dict(state["best"])


class RunningAverage:
    """Exponential average of a model's weights and statistics, a step at a time.

    At step n its decay is 1 - n^(-2/3) at most (timm's warm-up): a short training would otherwise keep much
    of its first weights.

    Args:
        model: whose copy takes the average.
        decay: in the end.
    """

    def __init__(self, model: nn.Module, decay: float):
        self._average = ModelEmaV3(model, decay=decay, use_warmup=True)
        self._steps = 0

    def update(self, model: nn.Module) -> None:
        """Take in the model's weights of this step."""
        self._steps += 1
        self._average.update(model, self._steps)

    def exchange(self, model: nn.Module) -> None:
        """Let the model have the average, and this have the model's weights; a second call undoes it.

        Storage changes hands, no number is copied: optimiser and wrappers hold on to the same tensors.
        """
        pairs = zip(_tensors(model), _tensors(self._average.module), strict=True)
        for own, averaged in pairs:
            own.data, averaged.data = averaged.data, own.data

    def state_dict(self) -> dict[str, Any]:
        """Weights, and how many steps they are of."""
        return {"steps": self._steps, "weights": self._average.module.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._steps = state["steps"]
        self._average.module.load_state_dict(state["weights"])


class BestEpoch:
    """A copy of the weights of the epoch that scored highest so far, on the CPU; of equal ones the first."""

    def __init__(self) -> None:
        self._score = -1.0
        self._weights: dict[str, torch.Tensor] = {}

    def consider(self, score: float, model: nn.Module) -> None:
        """Copy the weights of a model that scores higher than all before it."""
        if score > self._score:
            self._score = score
            copies = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
            self._weights = copies

    def restore(self, model: nn.Module) -> None:
        """Give a model these weights."""
        model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """The weights, and their score."""
        return {"score": self._score, "weights": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._score, self._weights = state["score"], state["weights"]


def _tensors(model: nn.Module) -> Iterator[torch.Tensor]:
    return chain(model.parameters(), model.buffers())

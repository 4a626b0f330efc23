"""How each network was trained, from its curves, and whether it overfitted, in words."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from wsdkd.evaluation.files import Curves

TOLERANCE = 0.01
"""Validation loss that rises by less than this share of its least value is taken to stand still."""


@dataclass(frozen=True)
class Course:
    """The loss of one training that is watched on both splits.

    Attributes:
        name: of the network.
        loss: which of its losses.
        train: (T,), mean over the training images of each epoch.
        val: (T,), after each epoch; empty where no image was watched.
        stages: epochs after which another stage began.
    """

    name: str
    loss: str
    train: np.ndarray
    val: np.ndarray
    stages: tuple[int, ...] = ()

    @property
    def best(self) -> int | None:
        """The epoch, counted from one, with the least validation loss; the earliest of equal ones."""
        return int(self.val.argmin()) + 1 if len(self.val) else None

    @property
    def overfits(self) -> bool:
        """Whether validation loss rises behind its least value while training loss goes on falling."""
        if self.best is None or self.best == len(self.val):
            return False
        rises = self.val[-1] > self.val[self.best - 1] * (1 + TOLERANCE)
        return bool(rises and self.train[-1] < self.train[self.best - 1])

    def verdict(self) -> str:
        """What the curves say, as a sentence."""
        last = len(self.train)
        if self.best is None:
            return f"{self.name}: no validation image was watched."
        least, end = self.val[self.best - 1], self.val[-1]
        if self.overfits:
            return (
                f"{self.name}: overfits after epoch {self.best}. Validation loss rises from {least:.2f} to "
                f"{end:.2f} at the end, while training loss falls from {self.train[self.best - 1]:.2f} to "
                f"{self.train[-1]:.2f}."
            )
        if self.best == last:
            return f"{self.name}: does not overfit. Validation loss is least at the end, {end:.2f}."
        return (
            f"{self.name}: does not overfit. Validation loss is least after epoch {self.best}, {least:.2f}, "
            f"and {end:.2f} at the end."
        )


def courses(curves: Mapping[str, Curves]) -> list[Course]:
    """The trainings of teacher, baseline and student, the student's two stages one after the other.

    Args:
        curves: by run (``teacher``, ``baseline``, ``features``, ``student``), each by names such as
            ``train/labels``. A run without curves is left out.
    """
    found = [_course(name, curves.get(name, {})) for name in ("teacher", "baseline", "features", "student")]
    teacher, baseline, *distilled = found
    return [each for each in (teacher, baseline, _joined([each for each in distilled if each])) if each]


def _course(name: str, curves: Curves) -> Course | None:
    losses = [each.removeprefix("train/") for each in curves if each.startswith("train/")]
    watched = [each for each in losses if f"val/{each}" in curves]
    if not losses:
        return None
    loss = (watched or losses)[0]
    val = curves[f"val/{loss}"][1] if watched else np.zeros(0)
    return Course(name, loss, curves[f"train/{loss}"][1], val)


def _joined(stages: list[Course]) -> Course | None:
    if not stages:
        return None
    first = stages[0]
    return Course(
        "student",
        first.loss,
        np.concatenate([each.train for each in stages]),
        np.concatenate([each.val for each in stages]),
        tuple(np.cumsum([len(each.train) for each in stages[:-1]]).tolist()),
    )

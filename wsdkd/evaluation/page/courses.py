"""How each network was trained, from its curves, and whether it overfitted, in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from wsdkd.evaluation.files import Curves
from wsdkd.training.kept import MAP

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
        mean_precision: (T,), validation mAP in percent after each epoch; empty where it was not measured.
    """

    name: str
    loss: str
    train: np.ndarray
    val: np.ndarray
    stages: tuple[int, ...] = ()
    mean_precision: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def judged(self) -> int:
        """How many epochs the verdict is about: those of the first stage.

        The second stage of distillation trains logits that are divided by a temperature. They grow too large
        for the loss on the labels, which rises, though the ranking of the images need not suffer.
        """
        return self.stages[0] if self.stages else len(self.train)

    @property
    def best(self) -> int | None:
        """The judged epoch, counted from one, with the least validation loss; the earliest of equal ones."""
        return int(self.val[: self.judged].argmin()) + 1 if len(self.val) else None

    @property
    def overfits(self) -> bool:
        """Whether validation loss rises behind its least value while training loss goes on falling."""
        if self.best is None:
            return False
        end, least = self.judged - 1, self.best - 1
        rises = self.val[end] > self.val[least] * (1 + TOLERANCE)
        return bool(rises and self.train[end] < self.train[least])

    def verdict(self) -> str:
        """What the curves say, in sentences."""
        if self.best is None:
            return f"{self.name}: no validation image was watched."
        where = "at the end of the first stage" if self.stages else "at the end"
        least, end = self.val[self.best - 1], self.val[self.judged - 1]
        if self.overfits:
            said = (
                f"{self.name}: overfits after epoch {self.best}. Validation loss rises from {least:.2f} to "
                f"{end:.2f} {where}, while training loss falls from {self.train[self.best - 1]:.2f} to "
                f"{self.train[self.judged - 1]:.2f}."
            )
        else:
            before = "" if self.best == self.judged else f"after epoch {self.best}, {least:.2f}, and "
            said = f"{self.name}: does not overfit. Validation loss is least {before}"
            said += f"{end:.2f} {where}." if before else f"{where}, {end:.2f}."
        if self.stages and self.val[-1] > end * (1 + TOLERANCE):
            said += (
                f" In the second stage it rises to {self.val[-1]:.2f}: logits are trained divided by a "
                "temperature there and grow too sure for this loss, which mAP does not count."
            )
        if len(self.mean_precision):
            place = int(self.mean_precision.argmax())
            said += f" Validation mAP is best after epoch {place + 1}, {self.mean_precision[place]:.1f}."
        return said


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
    measured = curves.get(f"val/{MAP}")
    watched = [each for each in losses if f"val/{each}" in curves]
    if not losses:
        return None
    loss = (watched or losses)[0]
    val = curves[f"val/{loss}"][1] if watched else np.zeros(0)
    precision = np.zeros(0) if measured is None else measured[1]
    return Course(name, loss, curves[f"train/{loss}"][1], val, mean_precision=precision)


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
        np.concatenate([each.mean_precision for each in stages]),
    )

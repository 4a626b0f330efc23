"""What learns, from which images and how: what a training is made of before anybody says where results go."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accelerate import Accelerator
from torch import nn

from wsdkd.data.tables import ImageRow
from wsdkd.settings.sections import Section
from wsdkd.training.loop import Phase, Task


@dataclass(frozen=True)
class Images:
    """A prepared dataset, as far as a training sees it.

    Attributes:
        root: folder that the paths of images are relative to.
        classes: their names, in order.
        train: images that are learned from; for distillation those without labels among them.
        val: images that are watched after each epoch.
    """

    root: Path
    classes: list[str]
    train: Sequence[ImageRow]
    val: Sequence[ImageRow]


@dataclass(frozen=True)
class Course:
    """A network and how it learns.

    Attributes:
        accelerator: started before the network was made, as that seeds.
        network: kept in the end.
        params: that it was built from.
        phases: epochs under one schedule each, in order.
        validation: its losses are logged after each epoch; None where nothing is watched.
    """

    accelerator: Accelerator
    network: nn.Module
    params: Section
    phases: Sequence[Phase]
    validation: Task | None

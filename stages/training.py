"""What the four stages that train have in common: each says what learns what, and this does the rest.

It runs in one process or in one a GPU, goes on where it was interrupted, draws curves, writes the network.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stages.inputs import Inputs, read_inputs
from stages.photographs import fetch_photographs
from stages.run import is_first, run
from wsdkd import project
from wsdkd.data.photographs import photographs_folder
from wsdkd.data.tables import Split, read_classes, read_images
from wsdkd.ground.progress import note
from wsdkd.settings.sections import parse_section, read_params
from wsdkd.training.course import Course, Images
from wsdkd.training.loop import Training, train
from wsdkd.training.params import Tracker, TrackingParams
from wsdkd.training.processes import in_processes
from wsdkd.training.record import Resume

OURS = re.compile(r"[0-9a-f]{16}")
"""Names of the folders of states: fingerprints of inputs."""


@dataclass(frozen=True)
class TrainingStage:
    """A stage that trains.

    Attributes:
        name: of the stage.
        make: gives the network, and how it learns.
        folder: takes the network.
        save: writes it there, from what was learned and the images.
        curves: name of their folder, and of the progress bar.
        learns_from: splits whose images it learns from.
        fetches: whether photographs that are not here are fetched.
    """

    name: str
    make: Callable[[Images], Course]
    folder: Path
    save: Callable[[Path, Course, Images], None]
    curves: str
    learns_from: tuple[Split, ...] = ("train",)
    fetches: bool = True

    def run(self) -> None:
        """Train as DVC has it: alone, in as many processes as there are GPUs."""
        run(self.train, self.name, "epoch", self._launch)

    def train(self) -> None:
        """Train in this process, and write the network and its curves."""
        inputs = read_inputs(self.name)
        classes = read_classes(project.CLASSES)
        train_rows, val_rows = (
            read_images(project.IMAGES, split, num_classes=len(classes))
            for split in (self.learns_from, "val")
        )
        images = Images(photographs_folder(project.IMAGES), classes, train_rows, val_rows)
        course = self.make(images)

        def save() -> None:
            self.save(self.folder, course, images)
            # Before the states are cleared: with its old value a parameter costs seconds then.
            inputs.refuse_other_parameters()

        states = states_of(inputs)
        if is_first() and states.folder is not None and not states.folder.exists():
            for line in _more_epochs(inputs):
                note(f"{self.curves}: {line}")
        training = Training(
            name=self.curves,
            phases=course.phases,
            validation=course.validation,
            curves=project.CURVES / self.curves,
            states=states,
            save=save,
            trackers=chosen_trackers(),
        )
        train(training, course.accelerator)

    def _launch(self, main: Callable[[], None], module: str) -> Callable[[], None]:
        # Of several processes the launcher comes by here before it starts them.
        if self.fetches and "WORLD_SIZE" not in os.environ:
            fetch_photographs([read_images(project.IMAGES, (*self.learns_from, "val"))])
        return in_processes(main, module)


def chosen_trackers() -> tuple[Tracker, ...]:
    """Who is told of a training, by a section that dvc.yaml lists nowhere: no result depends on it.

    Parameter files from before there was such a section name nobody.
    """
    params = read_params()
    if "tracking" not in params:
        return ()
    return parse_section(params, "tracking", TrackingParams).trackers


def _more_epochs(inputs: Inputs) -> list[str]:
    """What somebody should know who asks for more epochs than the last training had, and may wait for few."""
    return [
        f"{name} was {old} and is {new} now: all {new} are trained, as the learning rate follows the whole "
        "schedule; a training that has ended does not go on"
        for name, old, new in inputs.changed_since_last_run()
        if name.endswith(".epochs") and isinstance(old, int) and isinstance(new, int) and new > old
    ]


def states_of(inputs: Inputs) -> Resume:
    """Where a stage keeps what it would need after an interruption; states of other inputs go."""
    folder = project.RESUME / inputs.stage
    # One process clears: several would find each other's files gone.
    for other in sorted(folder.glob("*")) if is_first() and folder.is_dir() else []:
        if OURS.fullmatch(other.name) and other.name != inputs.fingerprint and not other.is_symlink():
            Resume(other).clear()
    return Resume(folder / inputs.fingerprint)

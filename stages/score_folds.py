"""Stage ``score_folds``: training images, each scored by a student that did not learn from it.

``wsdkd labels`` doubts their labels by it. The students are baselines, as the teacher has learned from the
labels of all images. They are not kept: their scores are. A part that is finished stays so when the stage is
interrupted.
"""

from collections.abc import Sequence

import numpy as np
import torch

from stages.inputs import Inputs, read_inputs
from stages.run import is_first, run
from stages.train_baseline import baseline
from stages.training import chosen_trackers
from wsdkd import project
from wsdkd.data.photographs import photographs_folder
from wsdkd.data.tables import ImageRow, read_classes, read_images
from wsdkd.doubts.folds import fold_of, split_fold, write_scores
from wsdkd.doubts.params import DoubtsParams
from wsdkd.settings.sections import load_section
from wsdkd.student.network import LoadedStudent, Student
from wsdkd.student.run import BATCH_SIZE, student_scores
from wsdkd.training.course import Course, Images
from wsdkd.training.loop import Training, train
from wsdkd.training.processes import in_processes
from wsdkd.training.record import Resume

NAME = "score_folds"


def main() -> None:
    """Train a student for each part, and write what it says of the images in that part."""
    inputs = read_inputs(NAME)
    doubts: DoubtsParams = load_section("doubts", DoubtsParams)
    (folds,) = doubts.folds
    classes = read_classes(project.CLASSES)
    rows, val = (read_images(project.IMAGES, split, num_classes=len(classes)) for split in ("train", "val"))
    root = photographs_folder(project.IMAGES)
    _forget_others(inputs)
    finished = _scratch(inputs, "scores")
    for number in range(folds):
        learned, held_out = split_fold(rows, number, folds)
        if finished.load(number) is None:
            course = baseline(Images(root, classes, learned, val))
            part = _Part(number, Images(root, classes, held_out, ()), course, finished)
            training = Training(
                name=f"part {number + 1} of {folds}",
                phases=course.phases,
                validation=course.validation,
                curves=project.FOLDS / "curves" / str(number + 1),
                states=_scratch(inputs, str(number)),
                save=part.score,
                trackers=chosen_trackers(),
            )
            train(training, course.accelerator)
    if is_first():
        write_scores(project.FOLD_SCORES, rows, _joined(rows, folds, finished), classes)
        inputs.refuse_other_parameters()
        finished.clear()


class _Part:
    """Images that a student is to score once it has learned from the others."""

    def __init__(self, number: int, images: Images, course: Course, finished: Resume):
        self.number, self.images, self.course, self.finished = number, images, course, finished

    def score(self) -> None:
        """Score them, and keep that."""
        network = self.course.network.eval()
        assert isinstance(network, Student)  # noqa: S101, of a baseline
        scores = student_scores(
            LoadedStudent(network, network.params, self.images.classes),
            self.images.train,
            self.images.root,
            batch_size=BATCH_SIZE,
            device=self.course.accelerator.device,
            description=f"images of part {self.number + 1}",
        )
        self.finished.save(self.number, {"scores": torch.from_numpy(scores)})


def _joined(rows: Sequence[ImageRow], folds: int, finished: Resume) -> np.ndarray:
    """Scores of all images, (N, K), in their order."""
    states = [finished.load(number) for number in range(folds)]
    left = [iter(state["scores"].numpy()) for state in states if state is not None]
    return np.stack([next(left[fold_of(row, folds)]) for row in rows])


def _scratch(inputs: Inputs, what: str) -> Resume:
    return Resume(project.RESUME / NAME / f"{inputs.fingerprint}-{what}")


def _forget_others(inputs: Inputs) -> None:
    folder = project.RESUME / NAME
    for other in sorted(folder.glob("*")) if is_first() and folder.is_dir() else []:
        if not other.name.startswith(inputs.fingerprint):
            Resume(other).clear()


if __name__ == "__main__":
    run(main, NAME, "epoch", in_processes)

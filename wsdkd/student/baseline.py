"""The baseline: the student without a teacher, which distillation has to beat."""

from collections.abc import Sequence
from dataclasses import replace

from wsdkd.student.learning import LabelObjective, labels_of
from wsdkd.student.network import Student
from wsdkd.student.params import StudentParams
from wsdkd.training.course import Course, Images
from wsdkd.training.loop import Phase
from wsdkd.training.params import Optimisation
from wsdkd.training.processes import seed_all, start


def baseline_course(params: StudentParams, schedules: Sequence[Optimisation], images: Images) -> Course:
    """A student that learns from labels, the baseline: any gain over it is distillation's.

    Args:
        params: section ``student``.
        schedules: one after the other; those of both stages of distillation.
        images: to learn from.
    """
    accelerator = start(schedules[0])
    seed_all(params.seed)
    network = Student(params, len(images.classes))
    losses = [schedule.label_loss for schedule in schedules]
    train, val = (labels_of(rows, network, images, losses[0]) for rows in (images.train, images.val))
    tasks = [replace(train, objective=LabelObjective(network, loss)) for loss in losses]
    return Course(accelerator, network, params, list(map(Phase, tasks, schedules)), val)

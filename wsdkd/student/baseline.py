"""The baseline: the student without a teacher, which distillation has to beat.

On labels alone, or with random regions as well (section ``baseline``): whoever has no teacher may want them.
"""

from collections.abc import Sequence
from dataclasses import replace

from wsdkd.ground.errors import UserError
from wsdkd.proposals.stored import Proposals
from wsdkd.student.learning import LabelObjective, labels_of
from wsdkd.student.network import Student
from wsdkd.student.params import BaselineParams, StudentParams
from wsdkd.student.regions import RandomRegions, RegionObjective
from wsdkd.training.course import Course, Images
from wsdkd.training.loop import Phase, Task
from wsdkd.training.params import Optimisation
from wsdkd.training.processes import seed_all, start


def baseline_course(
    params: StudentParams,
    schedules: Sequence[Optimisation],
    images: Images,
    baseline: BaselineParams | None = None,
    proposals: Proposals | None = None,
) -> Course:
    """A student that learns from labels, the baseline: any gain over it is distillation's.

    Args:
        params: section ``student``.
        schedules: one after the other; those of both stages of distillation.
        images: to learn from.
        baseline: section ``baseline``; None: labels alone.
        proposals: of all training images, where the section asks for regions.

    Raises:
        UserError: regions without proposals.
    """
    baseline = BaselineParams() if baseline is None else baseline
    if baseline.regions and proposals is None:
        raise UserError(
            f"baseline.regions: {baseline.regions} regions are drawn from proposals; there are none"
        )
    accelerator = start(schedules[0])
    seed_all(params.seed)
    network = Student(params, len(images.classes))
    losses = [schedule.label_loss for schedule in schedules]
    train, val = (labels_of(rows, network, images, losses[0]) for rows in (images.train, images.val))
    tasks = [replace(train, objective=LabelObjective(network, loss)) for loss in losses]
    if baseline.regions and proposals is not None:
        for place, (schedule, loss) in enumerate(zip(schedules, losses, strict=True)):
            if place == 0 or baseline.throughout:
                regions = RandomRegions(images.train, len(images.classes), proposals, baseline, schedule.seed)
                objective = RegionObjective(network, loss, baseline.region_weight)
                tasks[place] = Task(objective, train.pictures, regions)
    return Course(accelerator, network, params, list(map(Phase, tasks, schedules)), val)

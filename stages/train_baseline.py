"""Stage ``train_baseline``: the student without a teacher.

The same network from the same initial weights on the same schedules, one after the other, as both
stages of distillation together: any gain over it is distillation's.
"""

from collections.abc import Sequence

from stages.training import Course, Images, TrainingStage
from wsdkd import project
from wsdkd.data.tables import ImageRow
from wsdkd.distill.params import DistillFeaturesParams, DistillPredictionsParams
from wsdkd.settings.sections import load_section
from wsdkd.student.learning import LabelObjective
from wsdkd.student.network import Student
from wsdkd.student.params import StudentParams
from wsdkd.training.loader import Labels
from wsdkd.training.loop import Phase, Task
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import seed_all, start


def baseline(images: Images) -> Course:
    """A student that learns from labels."""
    params: StudentParams = load_section("student", StudentParams)
    first = load_section("distill_features", DistillFeaturesParams).training
    second = load_section("distill_predictions", DistillPredictionsParams).training
    accelerator = start(first)
    seed_all(params.seed)
    network = Student(params, len(images.classes))
    objective = LabelObjective(network)

    def task(rows: Sequence[ImageRow]) -> Task:
        labels = Labels(rows, len(images.classes))
        return Task(objective, Pictures(rows, images.root, [params.input_size]), labels)

    train = task(images.train)
    phases = [Phase(train, first), Phase(train, second)]
    return Course(accelerator, network, params, phases, task(images.val))


STAGE = TrainingStage("train_baseline", baseline, project.BASELINE, "student", "baseline")

if __name__ == "__main__":
    STAGE.run()

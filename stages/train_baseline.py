"""Stage ``train_baseline``: the student without a teacher.

The same network from the same initial weights on the same schedules, one after the other, as both
stages of distillation together: any gain over it is distillation's.
"""

from functools import partial

from stages.fingerprint import resume
from stages.photographs import with_photographs
from stages.run import run
from wsdkd import project
from wsdkd.data.tables import Split, read_classes, read_images
from wsdkd.distill.params import DistillFeaturesParams, DistillPredictionsParams
from wsdkd.networks.checkpoints import save_network
from wsdkd.settings.sections import dataset_root, load_section
from wsdkd.student.learning import LabelObjective
from wsdkd.student.network import Student
from wsdkd.student.params import StudentParams
from wsdkd.training.learner import seed_all, start
from wsdkd.training.loader import Labels
from wsdkd.training.loop import Phase, Task, Training, train
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import in_processes


def main() -> None:
    """Train the baseline and write models/baseline."""
    params: StudentParams = load_section("student", StudentParams)
    first = load_section("distill_features", DistillFeaturesParams).training
    second = load_section("distill_predictions", DistillPredictionsParams).training
    root, classes = dataset_root(), read_classes(project.CLASSES)
    size = params.input_size
    accelerator = start(first)
    seed_all(params.seed)
    student = Student(params, len(classes))
    objective = LabelObjective(student)

    def task(split: Split) -> Task:
        rows = read_images(project.IMAGES, split)
        return Task(objective, Pictures(rows, root, [size]), Labels(rows, len(classes)))

    images = task("train")
    training = Training(
        name="baseline",
        phases=(Phase(images, first), Phase(images, second)),
        validation=task("val"),
        curves=project.CURVES / "baseline",
        states=resume("train_baseline"),
        save=partial(save_network, project.BASELINE, student, "student", params, classes),
    )
    train(training, accelerator)


if __name__ == "__main__":
    run(with_photographs(in_processes(main, "stages.train_baseline")), "train_baseline", "epoch")

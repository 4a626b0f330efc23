"""Stage ``train_baseline``: the student without a teacher.

The same network from the same initial weights on the same schedules, one after the other, as both
stages of distillation together: any gain over it is distillation's.
"""

from stages.fingerprint import resume
from stages.photographs import with_photographs
from stages.run import run
from wsdkd import project
from wsdkd.data.tables import read_classes, read_images
from wsdkd.distill.params import DistillFeaturesParams, DistillPredictionsParams
from wsdkd.networks.checkpoints import save_network
from wsdkd.settings.sections import dataset_root, load_section
from wsdkd.student.learning import LabelObjective
from wsdkd.student.network import Student
from wsdkd.student.params import StudentParams
from wsdkd.training.loader import Labels
from wsdkd.training.loop import curves, fit, seed_all, start
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import in_processes
from wsdkd.training.validation import validator


def main() -> None:
    """Train the baseline and write models/baseline."""
    params: StudentParams = load_section("student", StudentParams)
    first = load_section("distill_features", DistillFeaturesParams).training
    second = load_section("distill_predictions", DistillPredictionsParams).training
    root, classes = dataset_root(), read_classes(project.CLASSES)
    train, val = read_images(project.IMAGES, "train"), read_images(project.IMAGES, "val")
    states = resume("train_baseline")
    accelerator = start(first)
    seed_all(params.seed)
    student = Student(params, len(classes))
    objective = LabelObjective(student)
    validate = validator(
        objective, val, root, Labels(val, len(classes)), params.input_size, first.batch_size, accelerator
    )
    pictures, labels = Pictures(train, root, [params.input_size]), Labels(train, len(classes))
    with curves(project.CURVES / "baseline", accelerator) as live:
        for phase, before in ((first, 0), (second, first.epochs)):
            fit(
                objective,
                pictures,
                labels,
                [params.input_size],
                phase,
                accelerator,
                live,
                validate,
                "baseline",
                states,
                first_epoch=before,
            )
    if accelerator.is_main_process:
        save_network(project.BASELINE, student, "student", params, classes)
        states.clear()


if __name__ == "__main__":
    run(with_photographs(in_processes(main, "stages.train_baseline")), "train_baseline", "epoch")

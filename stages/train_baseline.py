"""Stage ``train_baseline``: the student without a teacher.

The same network from the same initial weights on the same schedules, one after the other, as both
stages of distillation together: any gain over it is distillation's.
"""

from stages import paths
from stages.fingerprint import resume
from stages.photographs import with_photographs
from stages.run import run
from wsdkd.models.checkpoints import save_network
from wsdkd.models.student import Student
from wsdkd.params.base import load_section
from wsdkd.params.root import dataset_root
from wsdkd.params.student import DistillFeaturesParams, DistillPredictionsParams, StudentParams
from wsdkd.tables.classes import read_classes
from wsdkd.tables.images import read_images
from wsdkd.training.label_objective import LabelObjective
from wsdkd.training.labels import Labels
from wsdkd.training.launch import distributed
from wsdkd.training.loop import curves, fit, seed_all, start
from wsdkd.training.pictures import Pictures
from wsdkd.training.validation import validator


def main() -> None:
    """Train the baseline and write models/baseline."""
    params: StudentParams = load_section("student", StudentParams)
    first = load_section("distill_features", DistillFeaturesParams).training
    second = load_section("distill_predictions", DistillPredictionsParams).training
    root, classes = dataset_root(), read_classes(paths.CLASSES)
    train, val = read_images(paths.IMAGES, "train"), read_images(paths.IMAGES, "val")
    states = resume("train_baseline")
    accelerator = start(first)
    seed_all(params.seed)
    student = Student(params, len(classes))
    objective = LabelObjective(student)
    validate = validator(
        objective, val, root, Labels(val, len(classes)), params.input_size, first.batch_size, accelerator
    )
    pictures, labels = Pictures(train, root, [params.input_size]), Labels(train, len(classes))
    with curves(paths.CURVES / "baseline", accelerator) as live:
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
        save_network(paths.BASELINE, student, "student", params, classes)
        states.clear()


if __name__ == "__main__":
    run(with_photographs(distributed(main, "stages.train_baseline")), "train_baseline", "epoch")

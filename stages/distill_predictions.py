"""Stage ``distill_predictions``: stage 2 of distillation, image-level predictions."""

from stages.fingerprint import resume
from stages.photographs import with_photographs
from stages.run import run
from stages.teacher_cache import teacher_cache
from wsdkd import project
from wsdkd.data.tables import read_classes, read_images
from wsdkd.distill.params import DistillPredictionsParams
from wsdkd.distill.predictions import CachedPredictions, PredictionObjective
from wsdkd.networks.checkpoints import save_network
from wsdkd.settings.sections import dataset_root, load_section
from wsdkd.student.learning import LabelObjective
from wsdkd.student.network import load_student
from wsdkd.training.loader import Labels
from wsdkd.training.loop import curves, fit, start
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import in_processes
from wsdkd.training.validation import validator


def main() -> None:
    """Train the student on labels and the teacher's predictions and write models/student."""
    predictions: DistillPredictionsParams = load_section("distill_predictions", DistillPredictionsParams)
    root, classes = dataset_root(), read_classes(project.CLASSES)
    train, val = read_images(project.IMAGES, "train"), read_images(project.IMAGES, "val")
    cache = teacher_cache(classes, train)
    states = resume("distill_predictions")
    accelerator = start(predictions.training)
    student, params, _ = load_student(project.STUDENT_FEATURES)
    validate = validator(
        LabelObjective(student),
        val,
        root,
        Labels(val, len(classes)),
        params.input_size,
        predictions.training.batch_size,
        accelerator,
    )
    with curves(project.CURVES / "student", accelerator) as live:
        fit(
            PredictionObjective(student, predictions),
            Pictures(train, root, [params.input_size]),
            CachedPredictions(train, cache, predictions),
            [params.input_size],
            predictions.training,
            accelerator,
            live,
            validate,
            "stage 2",
            states,
        )
    if accelerator.is_main_process:
        save_network(project.STUDENT, student, "student", params, classes)
        states.clear()


if __name__ == "__main__":
    run(with_photographs(in_processes(main, "stages.distill_predictions")), "distill_predictions", "epoch")

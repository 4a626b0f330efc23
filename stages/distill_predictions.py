"""Stage ``distill_predictions``: stage 2 of distillation, image-level predictions."""

from stages import paths
from stages.fingerprint import resume
from stages.photographs import with_photographs
from stages.run import run
from stages.teacher_cache import teacher_cache
from wsdkd.models.checkpoints import save_network
from wsdkd.models.saved_student import load_student
from wsdkd.params.base import load_section
from wsdkd.params.root import dataset_root
from wsdkd.params.student import DistillPredictionsParams
from wsdkd.tables.classes import read_classes
from wsdkd.tables.images import read_images
from wsdkd.training.cached_predictions import CachedPredictions
from wsdkd.training.distill_predictions import PredictionObjective
from wsdkd.training.label_objective import LabelObjective
from wsdkd.training.labels import Labels
from wsdkd.training.launch import distributed
from wsdkd.training.loop import curves, fit, start
from wsdkd.training.pictures import Pictures
from wsdkd.training.validation import validator


def main() -> None:
    """Train the student on labels and the teacher's predictions and write models/student."""
    predictions: DistillPredictionsParams = load_section("distill_predictions", DistillPredictionsParams)
    root, classes = dataset_root(), read_classes(paths.CLASSES)
    train, val = read_images(paths.IMAGES, "train"), read_images(paths.IMAGES, "val")
    cache = teacher_cache(classes, train)
    states = resume("distill_predictions")
    accelerator = start(predictions.training)
    student, params, _ = load_student(paths.STUDENT_FEATURES)
    validate = validator(
        LabelObjective(student),
        val,
        root,
        Labels(val, len(classes)),
        params.input_size,
        predictions.training.batch_size,
        accelerator,
    )
    with curves(paths.CURVES / "student", accelerator) as live:
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
        save_network(paths.STUDENT, student, "student", params, classes)
        states.clear()


if __name__ == "__main__":
    run(with_photographs(distributed(main, "stages.distill_predictions")), "distill_predictions", "epoch")

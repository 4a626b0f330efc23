"""Stage ``distill_predictions``: stage 2 of distillation, image-level predictions."""

from functools import partial

from stages.fingerprint import resume
from stages.photographs import with_photographs
from stages.run import run
from stages.teacher_cache import teacher_cache
from wsdkd import project
from wsdkd.data.tables import read_classes, read_images
from wsdkd.distill.from_cache import CachedPredictions
from wsdkd.distill.params import DistillPredictionsParams
from wsdkd.distill.predictions import PredictionObjective
from wsdkd.networks.checkpoints import save_network
from wsdkd.settings.sections import dataset_root, load_section
from wsdkd.student.learning import LabelObjective
from wsdkd.student.network import load_student
from wsdkd.training.learner import start
from wsdkd.training.loader import Labels
from wsdkd.training.loop import Phase, Task, Training, train
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import in_processes


def main() -> None:
    """Train the student on labels and the teacher's predictions and write models/student."""
    predictions: DistillPredictionsParams = load_section("distill_predictions", DistillPredictionsParams)
    root, classes = dataset_root(), read_classes(project.CLASSES)
    images, val = read_images(project.IMAGES, "train"), read_images(project.IMAGES, "val")
    cache = teacher_cache(classes, images)
    accelerator = start(predictions.training)
    student, params, _ = load_student(project.STUDENT_FEATURES)
    objective = PredictionObjective(student, predictions)
    pictures, watched = (Pictures(rows, root, [params.input_size]) for rows in (images, val))
    task = Task(objective, pictures, CachedPredictions(images, cache, predictions))
    training = Training(
        name="stage 2",
        phases=(Phase(task, predictions.training),),
        validation=Task(LabelObjective(student), watched, Labels(val, len(classes))),
        curves=project.CURVES / "student",
        states=resume("distill_predictions"),
        save=partial(save_network, project.STUDENT, student, "student", params, classes),
    )
    train(training, accelerator)


if __name__ == "__main__":
    run(with_photographs(in_processes(main, "stages.distill_predictions")), "distill_predictions", "epoch")

"""Stage ``distill_predictions``: stage 2 of distillation, image-level predictions."""

from stages.teacher_cache import teacher_cache
from stages.training import Course, Images, TrainingStage
from wsdkd import project
from wsdkd.distill.from_cache import CachedPredictions
from wsdkd.distill.params import DistillPredictionsParams
from wsdkd.distill.predictions import PredictionObjective
from wsdkd.settings.sections import load_section
from wsdkd.student.learning import LabelObjective
from wsdkd.student.network import load_student
from wsdkd.training.loader import Labels
from wsdkd.training.loop import Phase, Task
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import start


def student(images: Images) -> Course:
    """The student of stage 1, which learns from labels and from the teacher's predictions."""
    predictions: DistillPredictionsParams = load_section("distill_predictions", DistillPredictionsParams)
    cache = teacher_cache(images.classes, images.train)
    accelerator = start(predictions.training)
    network, params, _ = load_student(project.STUDENT_FEATURES)
    objective = PredictionObjective(network, predictions)
    train, val = (Pictures(rows, images.root, [params.input_size]) for rows in (images.train, images.val))
    taught = CachedPredictions(images.train, cache, predictions)
    phase = Phase(Task(objective, train, taught), predictions.training)
    labels = Task(LabelObjective(network), val, Labels(images.val, len(images.classes)))
    return Course(accelerator, network, params, [phase], labels)


STAGE = TrainingStage("distill_predictions", student, project.STUDENT, "student", "student")

if __name__ == "__main__":
    STAGE.run()

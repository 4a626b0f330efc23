"""Stage ``distill_predictions``: stage 2 of distillation, image-level predictions."""

from stages.teacher_cache import teacher_cache
from stages.training import TrainingStage
from wsdkd import project
from wsdkd.data.tables import TAUGHT
from wsdkd.distill.params import DistillPredictionsParams
from wsdkd.distill.predictions import predictions_course
from wsdkd.settings.sections import load_section
from wsdkd.student.run import save_student
from wsdkd.training.course import Course, Images


def student(images: Images) -> Course:
    """The student of stage 1, which learns from labels and from the teacher's predictions."""
    predictions: DistillPredictionsParams = load_section("distill_predictions", DistillPredictionsParams)
    return predictions_course(project.STUDENT_FEATURES, predictions, images, *teacher_cache(images))


STAGE = TrainingStage("distill_predictions", student, project.STUDENT, save_student, "student", TAUGHT)

if __name__ == "__main__":
    STAGE.run()

"""Stage ``distill_features``: stage 1 of distillation, object-level features."""

from stages.teacher_cache import teacher_cache
from stages.training import TrainingStage
from wsdkd import project
from wsdkd.data.tables import TAUGHT
from wsdkd.distill.features import features_course
from wsdkd.distill.params import DistillFeaturesParams
from wsdkd.settings.sections import load_section
from wsdkd.student.params import StudentParams
from wsdkd.student.run import save_student
from wsdkd.training.course import Course, Images


def student(images: Images) -> Course:
    """A student that learns the teacher's features of regions."""
    params: StudentParams = load_section("student", StudentParams)
    features: DistillFeaturesParams = load_section("distill_features", DistillFeaturesParams)
    return features_course(params, features, images, *teacher_cache(images))


STAGE = TrainingStage("distill_features", student, project.STUDENT_FEATURES, save_student, "features", TAUGHT)

if __name__ == "__main__":
    STAGE.run()

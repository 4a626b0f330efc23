"""Stage ``distill_features``: stage 1 of distillation, object-level features."""

from stages.teacher_cache import teacher_cache
from stages.training import Course, Images, TrainingStage
from wsdkd import project
from wsdkd.distill.features import feature_objective
from wsdkd.distill.from_cache import CachedFeatures
from wsdkd.distill.params import DistillFeaturesParams
from wsdkd.settings.sections import load_section
from wsdkd.student.learning import LabelObjective
from wsdkd.student.network import Student
from wsdkd.student.params import StudentParams
from wsdkd.training.loader import Labels
from wsdkd.training.loop import Phase, Task
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import seed_all, start


def student(images: Images) -> Course:
    """A student that learns the teacher's features of regions."""
    params: StudentParams = load_section("student", StudentParams)
    features: DistillFeaturesParams = load_section("distill_features", DistillFeaturesParams)
    cache = teacher_cache(images.classes, images.train)
    accelerator = start(features.training)
    seed_all(params.seed)
    network = Student(params, len(images.classes))
    objective = feature_objective(network, features, cache.feature_dim)
    train, val = (Pictures(rows, images.root, [params.input_size]) for rows in (images.train, images.val))
    phase = Phase(Task(objective, train, CachedFeatures(images.train, cache, features)), features.training)
    # Labels alone can be watched on images that the cache does not hold.
    labels = Task(LabelObjective(network), val, Labels(images.val, len(images.classes)))
    return Course(accelerator, network, params, [phase], labels if features.label_weight else None)


STAGE = TrainingStage("distill_features", student, project.STUDENT_FEATURES, "student", "features")

if __name__ == "__main__":
    STAGE.run()

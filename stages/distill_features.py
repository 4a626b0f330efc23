"""Stage ``distill_features``: stage 1 of distillation, object-level features."""

from functools import partial

from stages.fingerprint import resume
from stages.photographs import with_photographs
from stages.run import run
from stages.teacher_cache import teacher_cache
from wsdkd import project
from wsdkd.data.tables import read_classes, read_images
from wsdkd.distill.features import feature_objective
from wsdkd.distill.from_cache import CachedFeatures
from wsdkd.distill.params import DistillFeaturesParams
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
    """Train the student on the teacher's features and write models/student_features."""
    params: StudentParams = load_section("student", StudentParams)
    features: DistillFeaturesParams = load_section("distill_features", DistillFeaturesParams)
    root, classes = dataset_root(), read_classes(project.CLASSES)
    images, val = read_images(project.IMAGES, "train"), read_images(project.IMAGES, "val")
    cache = teacher_cache(classes, images)
    accelerator = start(features.training)
    seed_all(params.seed)
    student = Student(params, len(classes))
    objective = feature_objective(student, features, cache.feature_dim)
    pictures, watched = (Pictures(rows, root, [params.input_size]) for rows in (images, val))
    task = Task(objective, pictures, CachedFeatures(images, cache, features))
    # Labels alone can be watched on images that the cache does not hold.
    labels = Task(LabelObjective(student), watched, Labels(val, len(classes)))
    training = Training(
        name="stage 1",
        phases=(Phase(task, features.training),),
        validation=labels if features.label_weight else None,
        curves=project.CURVES / "features",
        states=resume("distill_features"),
        save=partial(save_network, project.STUDENT_FEATURES, student, "student", params, classes),
    )
    train(training, accelerator)


if __name__ == "__main__":
    run(with_photographs(in_processes(main, "stages.distill_features")), "distill_features", "epoch")

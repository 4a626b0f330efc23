"""Stage ``distill_features``: stage 1 of distillation, object-level features."""

from stages.fingerprint import resume
from stages.photographs import with_photographs
from stages.run import run
from stages.teacher_cache import teacher_cache
from wsdkd import project
from wsdkd.data.tables import read_classes, read_images
from wsdkd.distill.features import CachedFeatures, FeatureObjective
from wsdkd.distill.params import DistillFeaturesParams
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
    """Train the student on the teacher's features and write models/student_features."""
    params: StudentParams = load_section("student", StudentParams)
    features: DistillFeaturesParams = load_section("distill_features", DistillFeaturesParams)
    root, classes = dataset_root(), read_classes(project.CLASSES)
    train, val = read_images(project.IMAGES, "train"), read_images(project.IMAGES, "val")
    cache = teacher_cache(classes, train)
    states = resume("distill_features")
    accelerator = start(features.training)
    seed_all(params.seed)
    student = Student(params, len(classes))
    # Labels alone can be watched on images that the cache does not hold.
    validate = validator(
        LabelObjective(student),
        val if features.label_weight else [],
        root,
        Labels(val, len(classes)),
        params.input_size,
        features.training.batch_size,
        accelerator,
    )
    with curves(project.CURVES / "features", accelerator) as live:
        fit(
            FeatureObjective(student, features, cache.feature_dim),
            Pictures(train, root, [params.input_size]),
            CachedFeatures(train, cache, features),
            [params.input_size],
            features.training,
            accelerator,
            live,
            validate,
            "stage 1",
            states,
        )
    if accelerator.is_main_process:
        save_network(project.STUDENT_FEATURES, student, "student", params, classes)
        states.clear()


if __name__ == "__main__":
    run(with_photographs(in_processes(main, "stages.distill_features")), "distill_features", "epoch")

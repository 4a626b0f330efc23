"""Stage ``distill_features``: stage 1 of distillation, object-level features."""

from stages import paths
from stages.fingerprint import resume
from stages.photographs import with_photographs
from stages.run import run
from stages.teacher_cache import teacher_cache
from wsdkd.models.checkpoints import save_network
from wsdkd.models.student import Student
from wsdkd.params.base import load_section
from wsdkd.params.root import dataset_root
from wsdkd.params.student import DistillFeaturesParams, StudentParams
from wsdkd.tables.classes import read_classes
from wsdkd.tables.images import read_images
from wsdkd.training.cached_features import CachedFeatures
from wsdkd.training.distill_features import FeatureObjective
from wsdkd.training.label_objective import LabelObjective
from wsdkd.training.labels import Labels
from wsdkd.training.launch import distributed
from wsdkd.training.loop import curves, fit, seed_all, start
from wsdkd.training.pictures import Pictures
from wsdkd.training.validation import validator


def main() -> None:
    """Train the student on the teacher's features and write models/student_features."""
    params: StudentParams = load_section("student", StudentParams)
    features: DistillFeaturesParams = load_section("distill_features", DistillFeaturesParams)
    root, classes = dataset_root(), read_classes(paths.CLASSES)
    train, val = read_images(paths.IMAGES, "train"), read_images(paths.IMAGES, "val")
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
    with curves(paths.CURVES / "features", accelerator) as live:
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
        save_network(paths.STUDENT_FEATURES, student, "student", params, classes)
        states.clear()


if __name__ == "__main__":
    run(with_photographs(distributed(main, "stages.distill_features")), "distill_features", "epoch")

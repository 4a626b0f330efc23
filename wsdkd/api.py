"""wsdkd from Python: every step from photographs to a student, and the student in use, without DVC.

Functions take folders and typed parameters, and give objects. Nothing depends on the current folder, and a
folder to write to must be new or empty. With the same parameters they give what the stages of ``dvc repro``
give, to the byte.

Examples:
    The photographs are scenes here, drawn in a moment, and the networks are tiny and untrained.

    >>> kept = TemporaryDirectory()
    >>> folder = Path(kept.name)
    >>> settings = parameters(
    ...     "profiles/scenes-smoke.yaml",
    ...     "dataset.train_images=8", "dataset.val_images=4", "dataset.test_images=4",
    ...     "teacher.network.stages=2", "teacher.network.frozen_stages=0", "teacher.network.weights=null",
    ...     "teacher.input_size=32", "teacher.train_sizes=[32]", "teacher.training.batch_size=4",
    ...     "student.network.stages=2", "student.network.weights=null", "student.input_size=32",
    ... )
    >>> draw_scenes(settings.dataset, folder / "scenes")

    Tables of images and labels, and candidate boxes with their scores, the best first:

    >>> dataset = prepare(folder / "scenes", settings.dataset, folder / "prepared")
    >>> len(dataset.images("train")), dataset.classes[:3]
    (8, ['arrow', 'bolt', 'butterfly'])
    >>> proposals = propose(dataset, settings.proposals, folder / "proposals")
    >>> boxes, scores = proposals.of(dataset.images("train")[0].image_id, best=3)
    >>> boxes.shape, float(scores[0])
    ((3, 4), 1.0)

    The teacher, and what it says of each image: logits of 24 regions and 20 classes.

    >>> train_teacher(dataset, proposals, settings, folder / "teacher")
    >>> cache = cache_teacher(folder / "teacher", dataset, proposals, settings.cache, folder / "cache")
    >>> cache.view(dataset.images("train")[0].image_id, mirrored=True).class_logits.shape
    (24, 20)

    The student, which is all that is needed from here on:

    >>> student = distill(dataset, cache, settings, folder / "student")
    >>> student = load(folder / "student")
    >>> first, *others = student.predict(folder / "scenes/images/test")
    >>> first.source.name, len(first.scores), len(first.labels(threshold=0.0, top=3))
    ('test_000000.jpg', 20, 3)
    >>> student.export(folder / "student.onnx")
    >>> kept.cleanup()
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from wsdkd.cache.params import CacheParams
from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.writing.build import write_teacher_cache
from wsdkd.data.tables import TAUGHT
from wsdkd.datasets.on_disk import Dataset, write_prepared
from wsdkd.datasets.params import DatasetParams, ScenesDataset
from wsdkd.datasets.scenes.write_coco import write_scenes
from wsdkd.distill.features import features_course
from wsdkd.distill.predictions import predictions_course
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_folder
from wsdkd.ground.reading import read_text
from wsdkd.profiles import Profile, customised, parse_profile
from wsdkd.proposals import propose as searching
from wsdkd.proposals.params import ProposalsParams
from wsdkd.proposals.stored import Proposals, read_proposals, write_proposals
from wsdkd.serving.classifier import Classifier, Picture, Prediction
from wsdkd.serving.named import student_named
from wsdkd.settings.sections import parse_params
from wsdkd.student.baseline import baseline_course
from wsdkd.student.run import save_student
from wsdkd.teacher.learning import save_teacher, teacher_course
from wsdkd.teacher.run import ProposedImages
from wsdkd.training.course import Course, Images
from wsdkd.training.loop import Training, train
from wsdkd.training.record import Resume

__all__ = [
    "Classifier",
    "Dataset",
    "Picture",
    "Prediction",
    "cache_teacher",
    "distill",
    "draw_scenes",
    "load",
    "parameters",
    "prepare",
    "propose",
    "train_baseline",
    "train_teacher",
]


def load(student: str | Path = "promoted", within: str | Path = ".") -> Classifier:
    """Load a student or a baseline.

    Args:
        student: the word ``promoted``, ``student`` or ``baseline``, of a project; or a folder with a network,
            or with promoted students. A ``Path`` is always a folder.
        within: folder of the project, for a word.

    Raises:
        UserError: there is none, or a damaged one.
    """
    name = student if isinstance(student, str) else str(student.absolute())
    return Classifier(student_named(name, Path(within)))


def parameters(path: str | Path, *changes: str) -> Profile:
    """Read a parameter file, such as a profile, whole.

    Args:
        path: the file.
        changes: as of ``wsdkd profile use --set``.

    Raises:
        ParamsError: an unknown key, or a value that is not allowed.

    Examples:
        >>> parameters("profiles/coco.yaml", "student.input_size=448").student.input_size
        448
    """
    path = Path(path)
    text = customised(read_text(path), list(changes), path)
    return parse_profile(parse_params(text, path), path)


def draw_scenes(params: DatasetParams, to: Path) -> None:
    """Draw the embedded dataset into the folder ``to``.

    Raises:
        UserError: the parameters are of another form of dataset.
    """
    if not isinstance(params, ScenesDataset):
        raise UserError(f"dataset.format: only scenes can be drawn, got {params.format}")
    with publish_folder(_new(to)) as aside:
        write_scenes(aside, params)


def prepare(root: Path, params: DatasetParams, to: Path) -> Dataset:
    """Read a dataset of any form and decode every image once.

    Args:
        root: its folder.
        params: section ``dataset``, of which ``root`` is not used.
        to: folder that takes the tables, and ``rejected.csv`` with what cannot be used.

    Raises:
        DatasetError: it cannot be read, or more images than ``max_rejected`` cannot be used.
    """
    return write_prepared(root, params, _new(to))


def propose(dataset: Dataset, params: ProposalsParams, to: Path) -> Proposals:
    """Find candidate boxes in every image and write them to the folder ``to``."""
    write_proposals(_new(to), searching.propose(dataset.images(), dataset.photographs, params))
    return read_proposals(to)


def train_teacher(
    dataset: Dataset, proposals: Proposals, settings: Profile, to: Path, curves: Path | None = None
) -> None:
    """Train a teacher from labels and proposals.

    Args:
        dataset: to learn from.
        proposals: of its images.
        settings: of which the section ``teacher`` counts.
        to: folder that takes the network.
        curves: folder that takes the training curves, if they are to be kept.
    """
    _train(teacher_course(settings.teacher, _learned(dataset), proposals), save_teacher, dataset, to, curves)


def cache_teacher(
    teacher: Path, dataset: Dataset, proposals: Proposals, params: CacheParams, to: Path
) -> TeacherCache:
    """Keep what a teacher says of every image of train and unlabelled, and of its mirror image.

    Args:
        teacher: folder of the network.
        dataset: whose images it looks at.
        proposals: of these.
        params: section ``cache``.
        to: folder that takes the cache.
    """
    _new(to).parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=to.parent) as scratch:
        write_teacher_cache(
            teacher,
            ProposedImages(dataset.images(TAUGHT), dataset.photographs, proposals),
            params,
            to,
            Path(scratch) / "shards",
        )
    return TeacherCache(to)


def train_baseline(
    dataset: Dataset,
    settings: Profile,
    to: Path,
    curves: Path | None = None,
    proposals: Proposals | None = None,
) -> Classifier:
    """Train the student without a teacher, for as many epochs as both stages of distillation.

    Args:
        dataset: to learn from.
        settings: of which the sections ``baseline``, ``student``, ``distill_features`` and
            ``distill_predictions`` count.
        to: folder that takes the network.
        curves: folder that takes the training curves, if they are to be kept.
        proposals: of its images, where ``baseline.regions`` asks for some.
    """
    schedules = settings.distill_features.training, settings.distill_predictions.training
    course = baseline_course(settings.student, schedules, _learned(dataset), settings.baseline, proposals)
    _train(course, save_student, dataset, to, curves)
    return load(to)


def distill(
    dataset: Dataset, cache: TeacherCache, settings: Profile, to: Path, curves: Path | None = None
) -> Classifier:
    """Train a student from a teacher's cache: region features first, then predictions.

    Args:
        dataset: to learn from, images without labels included.
        cache: of its images.
        settings: of which the sections ``student``, ``distill_features`` and ``distill_predictions`` count.
        to: folder that takes the network.
        curves: folder that takes ``features`` and ``student``, the curves of the stages, if any are kept.

    Raises:
        CacheError: the cache is of other classes or images.
    """
    _new(to)
    images = replace(_learned(dataset), train=dataset.images(TAUGHT))
    cache.check(images.classes, images.train)
    with TemporaryDirectory() as folder:
        between = Path(folder) / "student_features"
        first = features_course(settings.student, settings.distill_features, images, cache)
        _train(first, save_student, dataset, between, curves and curves / "features")
        second = predictions_course(between, settings.distill_predictions, images, cache)
        _train(second, save_student, dataset, to, curves and curves / "student")
    return load(to)


def _learned(dataset: Dataset) -> Images:
    """What a training sees of a dataset."""
    return Images(dataset.photographs, dataset.classes, dataset.images("train"), dataset.images("val"))


def _train(
    course: Course,
    save: Callable[[Path, Course, Images], None],
    dataset: Dataset,
    to: Path,
    curves: Path | None,
) -> None:
    _new(to)
    training = Training(
        name=to.name,
        phases=course.phases,
        validation=course.validation,
        curves=None if curves is None else _new(curves),
        states=Resume(None),
        save=partial(save, to, course, _learned(dataset)),
    )
    train(training, course.accelerator)


def _new(folder: Path) -> Path:
    """See that nothing is lost when ``folder`` is written as a whole."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(f"{folder}: there is something already; name another folder, or remove it first")
    return folder

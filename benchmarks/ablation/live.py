"""Students whose teacher runs along while they learn, instead of being read from a cache.

The authors' release trains so: the teacher sees each picture again in every epoch, its dropout on. Here
it is what the cache is held against, in accuracy and in time.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from benchmarks.device import device
from wsdkd import project
from wsdkd.cache.params import CacheParams
from wsdkd.cache.running import RunningTeacher
from wsdkd.data.photographs import photographs_folder
from wsdkd.data.tables import TAUGHT, ImageRow, read_classes, read_images
from wsdkd.distill.features import feature_objective
from wsdkd.distill.from_cache import Asked, CachedFeatures, CachedPredictions, Taught
from wsdkd.distill.params import DistillFeaturesParams, DistillPredictionsParams
from wsdkd.distill.predictions import PredictionObjective
from wsdkd.distill.running import keep_teacher, running_teacher
from wsdkd.networks.checkpoints import save_network
from wsdkd.settings.sections import load_section
from wsdkd.student.learning import labels_of
from wsdkd.student.network import LoadedStudent, Student, load_student
from wsdkd.student.params import StudentParams
from wsdkd.training.course import Images
from wsdkd.training.learner import Objective
from wsdkd.training.loader import Batch, Supervision
from wsdkd.training.loop import Phase, Task, fit, validator
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import seed_all, start
from wsdkd.training.record import Record, Resume, open_curves
from wsdkd.training.views import View

Phases = Sequence[tuple[Objective, Supervision]]
"""Of stage 1 and of stage 2: what is trained, and what its losses need besides pictures."""


def live_teacher(
    teacher: Path, proposals: Path, images: Images, kept: CacheParams
) -> tuple[RunningTeacher, Asked]:
    """A teacher that runs along as in the release: its dropout stays on.

    Args:
        teacher: folder of the network.
        proposals: folder of the proposals.
        images: to learn from.
        kept: which RoIs are chosen, as for the cache.
    """
    with TemporaryDirectory() as folder:
        keep_teacher(teacher, proposals, kept, Path(folder) / "running")
        found, asked = running_teacher(Path(folder) / "running", images)
    for layer in found.loaded.model.modules():
        # The statistics of batch normalisation stay as learned.
        if isinstance(layer, nn.Dropout):
            layer.train()
    return found, asked


class PlainScores:
    """Adds to :class:`Taught` the ``teacher_scores`` (B, K) of a plain classifier, without dropout.

    They are the same in every epoch, so each view is shown to it once.
    """

    def __init__(self, rows: Sequence[ImageRow], root: Path, loaded: LoadedStudent):
        self.loaded = loaded
        self.labels = Taught(rows, len(loaded.classes))
        self.pictures = Pictures(rows, root, [loaded.params.input_size])
        self.device = device()
        self.loaded.model.to(self.device).to(memory_format=torch.channels_last)
        self._kept: dict[tuple[int, bool], torch.Tensor] = {}

    @torch.no_grad()
    def __call__(self, views: Sequence[View]) -> Batch:
        """See the class."""
        new = [view for view in views if (view.row, view.mirrored) not in self._kept]
        if new:
            clean = [view._replace(size=self.loaded.params.input_size, change=None) for view in new]
            pictures = self.pictures.load(clean)
            scores = torch.sigmoid(self.loaded.model(pictures.to(self.device))).float().cpu()
            self._kept |= {(view.row, view.mirrored): one for view, one in zip(new, scores, strict=True)}
        kept = torch.stack([self._kept[view.row, view.mirrored] for view in views])
        return {**self.labels(views), "teacher_scores": kept}


def distil_online() -> None:
    """Both stages of distillation with the teacher running along, its dropout on; writes models/student."""
    features: DistillFeaturesParams = load_section("distill_features", DistillFeaturesParams)
    predictions: DistillPredictionsParams = load_section("distill_predictions", DistillPredictionsParams)
    rows, kept = read_images(project.IMAGES, TAUGHT), load_section("cache", CacheParams)
    images = Images(photographs_folder(project.IMAGES), read_classes(project.CLASSES), rows, [])
    teacher, asked = live_teacher(project.TEACHER, project.PROPOSALS, images, kept)
    first = asked(CachedFeatures(rows, teacher, features, keep=False))
    second = asked(CachedPredictions(rows, teacher, predictions, predictions.labels_in_view, keep=False))
    train_student(
        rows,
        lambda student: (
            (feature_objective(student, features, teacher.feature_dim), first),
            (PredictionObjective(student, predictions), second),
        ),
    )


def distil_from_plain(teacher: Path) -> None:
    """Both stages on labels and a plain classifier's image scores; writes models/student."""
    predictions: DistillPredictionsParams = load_section("distill_predictions", DistillPredictionsParams)
    rows = read_images(project.IMAGES, TAUGHT)
    scores = PlainScores(rows, photographs_folder(project.IMAGES), load_student(teacher))
    train_student(rows, lambda student: ((PredictionObjective(student, predictions), scores),) * 2)


def train_student(rows: Sequence[ImageRow], phases: Callable[[Student], Phases]) -> None:
    """Train as the two stages do: same weights at first, order of images and schedules; write models/student.

    Args:
        rows: training images.
        phases: of a student, as its losses hold it.
    """
    params: StudentParams = load_section("student", StudentParams)
    first = load_section("distill_features", DistillFeaturesParams).training
    second = load_section("distill_predictions", DistillPredictionsParams).training
    classes = read_classes(project.CLASSES)
    accelerator = start(first)
    seed_all(params.seed)
    student = Student(params, len(classes))
    root, val = photographs_folder(project.IMAGES), read_images(project.IMAGES, "val")
    pictures = Pictures(rows, root, [params.input_size])
    watched = labels_of(val, student, Images(root, classes, rows, val))
    steps = zip(phases(student), (first, second), ("stage 1", "stage 2"), strict=True)
    for (objective, supervision), optimisation, name in steps:
        if optimisation is second:
            accelerator = start(second)
        # Only to choose the best epoch, as the stages would.
        chooses = optimisation.keep == "best"
        validate = (
            validator(watched, optimisation.batch_size, accelerator, measures=True) if chooses else dict
        )
        with open_curves(project.CURVES / name.replace(" ", "_"), accelerator) as live:
            phase = Phase(Task(objective, pictures, supervision), optimisation)
            fit(phase, Record(name, live, Resume(None), validate), accelerator)
    save_network(project.STUDENT, student, "student", params, classes)

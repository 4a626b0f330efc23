"""Students whose teacher runs along while they learn, instead of being read from a cache.

The authors' release trains so: the teacher sees each picture again in every epoch, its dropout on. Here
it is what the cache is held against, in accuracy and in time.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.device import device
from wsdkd import project
from wsdkd.cache.params import CacheParams
from wsdkd.cache.view import CachedView
from wsdkd.cache.writing.selection import choose_rois
from wsdkd.data.boxes import to_input
from wsdkd.data.photographs import photographs_folder
from wsdkd.data.tables import TAUGHT, ImageRow, read_classes, read_images
from wsdkd.distill.features import feature_objective
from wsdkd.distill.from_cache import CachedFeatures, CachedPredictions, Taught
from wsdkd.distill.params import DistillFeaturesParams, DistillPredictionsParams
from wsdkd.distill.predictions import PredictionObjective
from wsdkd.networks.checkpoints import save_network
from wsdkd.networks.roi_pooling import stack_rois
from wsdkd.proposals.stored import read_proposals
from wsdkd.scores import refined_scores
from wsdkd.settings.sections import load_section
from wsdkd.student.learning import labels_of
from wsdkd.student.network import LoadedStudent, Student, load_student
from wsdkd.student.params import StudentParams
from wsdkd.teacher.network import load_teacher
from wsdkd.teacher.run import ImageRegions
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


class LiveTeacher:
    """A teacher that is asked for the views of a batch, and then read as if it were a cache.

    Args:
        rows: training images.
        root: folder that their paths are relative to.
        folder: of the teacher.
        proposals: folder of the proposals.
        cache: which RoIs are chosen, as for the cache.
    """

    def __init__(
        self, rows: Sequence[ImageRow], root: Path, folder: Path, proposals: Path, cache: CacheParams
    ):
        self.rows, self.kept = rows, cache
        self.loaded = load_teacher(folder)
        self.classes, self.feature_dim = self.loaded.classes, self.loaded.model.feature_dim
        self.proposals = read_proposals(proposals)
        self.pictures = Pictures(self.rows, root, [self.loaded.params.input_size])
        self.device = device()
        model = self.loaded.model.to(self.device).to(memory_format=torch.channels_last)
        # Dropout stays on, as in the release; the statistics of batch normalisation stay as learned.
        for layer in model.modules():
            if isinstance(layer, nn.Dropout):
                layer.train()
        self._seen: dict[tuple[str, bool], CachedView] = {}

    @torch.no_grad()
    def look(self, views: Sequence[View]) -> "LiveTeacher":
        """Run the teacher on the pictures of ``views``, in one batch."""
        size = self.loaded.params.input_size
        pictures = self.pictures.load([view._replace(size=size, change=None) for view in views])
        rows = [self.rows[view.row] for view in views]
        found = [self.proposals.of(row.image_id, self.loaded.params.proposals) for row in rows]
        rois = stack_rois(
            [
                to_input(boxes, row.width, row.height, size, view.mirrored)
                for (boxes, _), row, view in zip(found, rows, views, strict=True)
            ]
        )
        objectness = torch.from_numpy(np.concatenate([scores for _, scores in found]).astype(np.float32))
        outputs = self.loaded.model(
            pictures.to(self.device), rois.to(self.device), objectness.to(self.device)
        )
        counts = [len(scores) for _, scores in found]
        each = [[part.numpy() for part in torch.split(output.cpu(), counts)] for output in outputs]
        self._seen = {}
        for place, (row, view, (boxes, scores)) in enumerate(zip(rows, views, found, strict=True)):
            class_logits, detection_logits, features, refinements = (part[place] for part in each)
            refined = refined_scores(refinements)
            said = ImageRegions(
                row.image_id, boxes, scores, class_logits, detection_logits, features, refined
            )
            chosen = choose_rois(said, row.labels, self.kept)
            self._seen[row.image_id, view.mirrored] = CachedView.of(
                boxes,
                scores,
                class_logits,
                detection_logits,
                chosen.regions,
                chosen.confidence,
                chosen.shares,
                features[chosen.regions],
            )
        return self

    def view(self, image_id: str, mirrored: bool) -> CachedView:
        """As of a cache; of a view of the last batch."""
        return self._seen[image_id, mirrored]


def live_features(teacher: LiveTeacher, params: DistillFeaturesParams) -> Supervision:
    """What stage 1 needs, asked of the teacher in the place of the cache."""
    return lambda views: CachedFeatures(teacher.rows, teacher.look(views), params)(views)


def live_predictions(teacher: LiveTeacher, params: DistillPredictionsParams) -> Supervision:
    """What stage 2 needs, likewise."""
    return lambda views: CachedPredictions(teacher.rows, teacher.look(views), params, params.labels_in_view)(
        views
    )


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
    """Both stages of distillation with the teacher running along; writes models/student."""
    features: DistillFeaturesParams = load_section("distill_features", DistillFeaturesParams)
    predictions: DistillPredictionsParams = load_section("distill_predictions", DistillPredictionsParams)
    rows = read_images(project.IMAGES, TAUGHT)
    kept = load_section("cache", CacheParams)
    live = LiveTeacher(rows, photographs_folder(project.IMAGES), project.TEACHER, project.PROPOSALS, kept)
    train_student(
        rows,
        lambda student: (
            (feature_objective(student, features, live.feature_dim), live_features(live, features)),
            (PredictionObjective(student, predictions), live_predictions(live, predictions)),
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

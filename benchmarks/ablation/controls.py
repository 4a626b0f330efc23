"""Controls that could refute the claim: students from which a part of the teacher's knowledge is kept.

Each stands in for the teacher's cache and trains by our own recipe otherwise: same weights at first, same
order of images, same epochs. Whatever a control gains does not come from the knowledge that it lacks.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.ablation.live import Phases, train_student
from wsdkd import project
from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.view import CachedView, TeacherViews
from wsdkd.data.annotations import read_objects
from wsdkd.data.tables import ImageRow, read_classes, read_images
from wsdkd.distill.features import feature_objective
from wsdkd.distill.from_cache import CachedFeatures, CachedPredictions
from wsdkd.distill.params import DistillFeaturesParams, DistillPredictionsParams
from wsdkd.distill.predictions import PredictionObjective
from wsdkd.evaluation.truth import ImageObjects, gather_objects
from wsdkd.networks.checkpoints import save_network
from wsdkd.settings.sections import load_section
from wsdkd.student.learning import LabelObjective
from wsdkd.student.network import Student
from wsdkd.teacher.network import load_teacher
from wsdkd.training.learner import Objective
from wsdkd.training.loader import Labels, Supervision


class TeacherRegions:
    """The teacher's choice of regions and nothing else of it: each is to hold all labels of its image."""

    def __init__(self, cache: TeacherViews):
        self.classes, self._cache = cache.classes, cache

    def view(self, image_id: str, mirrored: bool) -> CachedView:
        """As of the cache, with logits that are all alike."""
        seen = self._cache.view(image_id, mirrored)
        alike = np.zeros_like(seen.class_logits)
        return CachedView.of(
            seen.boxes,
            seen.objectness,
            alike,
            alike,
            seen.chosen,
            seen.confidence,
            np.ones_like(seen.shares),
            seen.features,
        )


class OtherFeatures:
    """The teacher's regions, scores and confidences, beside the features of regions of another image.

    Args:
        cache: of the teacher.
        image_ids: of all images that are asked for; each gets the features of another one of them.
        seed: of the exchange.
    """

    def __init__(self, cache: TeacherViews, image_ids: Sequence[str], seed: int):
        self.classes, self._cache = cache.classes, cache
        order = np.random.default_rng(seed).permutation(len(image_ids))
        self._other = {image_ids[a]: image_ids[b] for a, b in zip(order, np.roll(order, 1), strict=True)}

    def view(self, image_id: str, mirrored: bool) -> CachedView:
        """As of the cache; where the other image has fewer regions with features, these are repeated."""
        seen, other = self._cache.view(image_id, mirrored), self._cache.view(self._other[image_id], mirrored)
        features = other.features[np.arange(len(seen.chosen)) % len(other.chosen)]
        return CachedView.of(
            seen.boxes,
            seen.objectness,
            seen.class_logits,
            seen.detection_logits,
            seen.chosen,
            seen.confidence,
            seen.shares,
            features,
        )


class TrueBoxes:
    """The annotated objects of each image with their classes, in the place of a teacher's regions and scores.

    They have no features of a teacher; the one of each region is 0.

    Args:
        classes: names of the K classes.
        image_ids: of all images that are asked for.
        objects: of each of them; those that count neither way are left out.
    """

    feature_dim = 1

    def __init__(self, classes: Sequence[str], image_ids: Sequence[str], objects: Sequence[ImageObjects]):
        self.classes, self._objects = classes, dict(zip(image_ids, objects, strict=True))

    def view(self, image_id: str, mirrored: bool) -> CachedView:  # noqa: ARG002, of TeacherViews
        """Boxes are those of the unmirrored image in either view, as in a cache."""
        found = self._objects[image_id]
        boxes, labels = found.boxes[~found.optional], found.labels[~found.optional]
        count = len(boxes)
        alike = np.zeros((count, len(self.classes)), np.float32)
        ones = np.ones(count, np.float32)
        held = np.eye(len(self.classes), dtype=np.float32)[labels]
        return CachedView.of(boxes, ones, alike, alike, np.arange(count), ones, held, ones[:, None] * 0)


def with_true_boxes() -> None:
    """What a detector without fault would teach of regions: annotated boxes, and labels alone in stage 2."""
    features, rows = _stage_1(), _rows()
    image_ids, classes = [row.image_id for row in rows], read_classes(project.CLASSES)
    boxes = TrueBoxes(classes, image_ids, gather_objects(read_objects(project.OBJECTS), image_ids))
    supervision = CachedFeatures(rows, boxes, features)

    def phases(student: Student) -> Phases:
        regions = feature_objective(student, features, boxes.feature_dim)
        return (regions, supervision), _labels(student, rows)

    train_student(rows, phases)


def with_teachers_regions() -> None:
    """The teacher's regions, each with all labels of its image, and labels alone in stage 2."""
    features, rows, cache = _stage_1(), _rows(), TeacherCache(project.TEACHER_CACHE)
    supervision = CachedFeatures(rows, TeacherRegions(cache), features)

    def phases(student: Student) -> Phases:
        regions = feature_objective(student, features, cache.feature_dim)
        return (regions, supervision), _labels(student, rows)

    train_student(rows, phases)


def with_features_of_others() -> None:
    """Our recipe, but for the features of stage 1: they are those of other images."""
    features, rows, cache = _stage_1(), _rows(), TeacherCache(project.TEACHER_CACHE)
    predictions: DistillPredictionsParams = load_section("distill_predictions", DistillPredictionsParams)
    others = OtherFeatures(cache, [row.image_id for row in rows], features.training.seed)
    supervision = CachedFeatures(rows, others, features)
    softened = CachedPredictions(rows, cache, predictions, predictions.labels_in_view)

    def phases(student: Student) -> Phases:
        regions = feature_objective(student, features, cache.feature_dim)
        return (regions, supervision), (PredictionObjective(student, predictions), softened)

    train_student(rows, phases)


def draw_heads(folder: Path) -> None:
    """Write models/teacher: a trained teacher whose heads are all drawn anew, as wide as they were.

    Args:
        folder: of the trained teacher.
    """
    loaded = load_teacher(folder)
    generator = torch.Generator().manual_seed(_stage_1().training.seed)
    with torch.no_grad():
        for head in (loaded.model.classification, loaded.model.detection, *loaded.model.refinements):
            drawn = torch.randn(head.weight.shape, generator=generator)
            head.weight.copy_(drawn * head.weight.std())
            head.bias.zero_()
    save_network(project.TEACHER, loaded.model, "teacher", loaded.params, loaded.classes)


def _stage_1() -> DistillFeaturesParams:
    params: DistillFeaturesParams = load_section("distill_features", DistillFeaturesParams)
    return params


def _rows() -> Sequence[ImageRow]:
    return read_images(project.IMAGES, "train")


def _labels(student: Student, rows: Sequence[ImageRow]) -> tuple[Objective, Supervision]:
    predictions: DistillPredictionsParams = load_section("distill_predictions", DistillPredictionsParams)
    objective = LabelObjective(student, predictions.training.label_loss)
    return objective, Labels(rows, student.classifier.out_features)


CONTROLS: dict[str, Callable[[], None]] = {
    "true_boxes": with_true_boxes,
    "teacher_regions": with_teachers_regions,
    "other_features": with_features_of_others,
}
"""Variant -> what trains it and writes models/student."""

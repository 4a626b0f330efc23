"""The profile scenes-smoke from drawn scenes to a student, in a process of its own, without DVC.

    python -m benchmarks.gpu.pipeline FOLDER PRECISION SEED EPOCHS

It prints its figures as JSON. Boxes are drawn around objects and at random, as OpenCV's search may be
missing; networks begin without pretraining. It runs on a card where the process sees one.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.bench.world import PROJECT
from benchmarks.device import device
from wsdkd.average_precision import mean_average_precision
from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.writing.build import write_teacher_cache
from wsdkd.data.annotations import ObjectRow
from wsdkd.data.tables import ImageRow, targets
from wsdkd.datasets.params import ScenesDataset
from wsdkd.datasets.prepare import prepare
from wsdkd.datasets.scenes.write_coco import write_scenes
from wsdkd.distill.features import features_course
from wsdkd.distill.predictions import predictions_course
from wsdkd.profiles import Profile, load_profile
from wsdkd.proposals.stored import read_proposals, write_proposals
from wsdkd.student.network import load_student
from wsdkd.student.run import save_student, student_scores
from wsdkd.teacher.learning import save_teacher, teacher_course
from wsdkd.teacher.network import load_teacher
from wsdkd.teacher.run import ProposedImages, run_fused_teacher
from wsdkd.training.course import Course, Images
from wsdkd.training.loop import Training, train
from wsdkd.training.record import Resume

SHARE_AROUND_OBJECTS = 0.5
TINY = 1
EPOCHS_FACTOR = {"teacher": 2, "features": 2, "predictions": 1}


def settings(precision: str, seed: int, epochs: int) -> Profile:
    """The profile's parameters in a precision, without pretrained weights.

    Args:
        precision: of training, caching and evaluation.
        seed: of everything.
        epochs: of stage 2; the teacher and stage 1 have twice as many. With :data:`TINY` images and layers
            are few, too.
    """
    profile = load_profile(PROJECT / "profiles" / "scenes-smoke.yaml")
    tiny = epochs == TINY
    fewer = {"train_images": 8, "val_images": 4, "test_images": 4} if tiny else {}
    # A CPU takes seconds for a step of the whole backbone in bf16.
    network = {"weights": None, "frozen_stages": 0, **({"stages": 3, "stride": 8} if tiny else {})}

    def trained(section: Any, name: str) -> Any:
        changes = {"precision": precision, "seed": seed, "epochs": EPOCHS_FACTOR[name] * epochs}
        return section.model_copy(update={"training": section.training.model_copy(update=changes)})

    def untrained(section: Any, **changes: Any) -> Any:
        return section.model_copy(update={"network": section.network.model_copy(update=network), **changes})

    changed = {
        "dataset": profile.dataset.model_copy(update=fewer),
        "teacher": untrained(trained(profile.teacher, "teacher")),
        "student": untrained(profile.student, seed=seed),
        "distill_features": trained(profile.distill_features, "features"),
        "distill_predictions": trained(profile.distill_predictions, "predictions"),
        "cache": profile.cache.model_copy(update={"precision": precision}),
        "evaluation": profile.evaluation.model_copy(update={"precision": precision}),
    }
    return Profile(**{**vars(profile), **changed})


def figures(folder: Path, profile: Profile) -> dict[str, float]:
    """MAP of teacher and student, in percent, on what they learned from and on what they did not.

    Args:
        folder: an empty one.
        profile: all parameters.
    """
    drawn = profile.dataset
    assert isinstance(drawn, ScenesDataset)  # noqa: S101, a profile of scenes
    root = folder / "scenes"
    write_scenes(root, drawn)
    found = prepare(root, drawn)
    rows, classes = list(found.images), list(found.classes)
    write_proposals(folder / "proposals", _boxes(rows, found.objects, profile.proposals.max_boxes))
    proposals = read_proposals(folder / "proposals")
    learned = [row for row in rows if row.split == "train"]
    images = Images(root, classes, learned, [row for row in rows if row.split == "val"])
    _train(teacher_course(profile.teacher, images, proposals), save_teacher, folder / "teacher", images)
    write_teacher_cache(
        folder / "teacher",
        ProposedImages(learned, root, proposals),
        profile.cache,
        folder / "cache",
        folder / "scratch",
    )
    cache = TeacherCache(folder / "cache")
    first = features_course(profile.student, profile.distill_features, images, cache)
    _train(first, save_student, folder / "between", images)
    second = predictions_course(folder / "between", profile.distill_predictions, images, cache)
    _train(second, save_student, folder / "student", images)
    result = {}
    for split in ("train", "test"):
        some = [row for row in rows if row.split == split]
        truth = targets(some, len(classes))
        scores = _teacher_scores(folder / "teacher", ProposedImages(some, root, proposals), profile)
        result[f"teacher, {split}"] = mean_average_precision(scores, *truth)
        scores = student_scores(
            load_student(folder / "student"),
            some,
            root,
            batch_size=32,
            device=device(),
            precision=profile.evaluation.precision,
            description=split,
        )
        result[f"student, {split}"] = mean_average_precision(scores, *truth)
    return result


def _train(course: Course, save: Any, to: Path, images: Images) -> None:
    training = Training(
        name=to.name,
        phases=course.phases,
        validation=course.validation,
        curves=None,
        states=Resume(None),
        save=lambda: save(to, course, images),
    )
    train(training, course.accelerator)


def _teacher_scores(folder: Path, images: ProposedImages, profile: Profile) -> np.ndarray:
    regions = run_fused_teacher(
        load_teacher(folder),
        images,
        profile.cache.ranking,
        batch_size=8,
        device=device(),
        precision=profile.evaluation.precision,
        description="teacher",
    )
    return np.stack([image.scores.sum(axis=0) for image in regions])


def _boxes(rows: Sequence[ImageRow], objects: Sequence[ObjectRow], most: int) -> Any:
    """For each image its id, boxes (n, 4) around objects and elsewhere, and scores (n,), best first."""
    for number, row in enumerate(rows):
        rng = np.random.default_rng(number)
        corners = [(each.x1, each.y1, each.x2, each.y2) for each in objects if each.image_id == row.image_id]
        around = np.array(corners, np.float32)
        chosen = around[rng.integers(0, len(around), int(most * SHARE_AROUND_OBJECTS))]
        jitter = rng.normal(0, 0.08, chosen.shape) * (chosen[:, 2:] - chosen[:, :2])[:, [0, 1, 0, 1]]
        first = rng.uniform(0, 0.7, (most - len(chosen), 2)) * (row.width, row.height)
        last = first + rng.uniform(0.1, 0.5, first.shape) * (row.width, row.height)
        boxes = np.concatenate([chosen + jitter, np.hstack([first, last])])
        boxes = np.sort(boxes.reshape(-1, 2, 2), axis=1).reshape(-1, 4)
        boxes = boxes.clip(0, (row.width, row.height, row.width, row.height))
        scores = np.concatenate([rng.uniform(0.5, 1, len(chosen)), rng.uniform(0.1, 0.6, len(first))])
        order = np.argsort(-scores)
        yield row.image_id, boxes[order].astype(np.float32), scores[order].astype(np.float32)


def main(arguments: list[str]) -> None:
    """See the module."""
    folder, precision, seed, epochs = arguments
    found = figures(Path(folder), settings(precision, int(seed), int(epochs)))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(min(8, torch.get_num_threads()))
    main(sys.argv[1:])

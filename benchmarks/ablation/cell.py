"""One cell of the comparison: a variant with a seed, trained and scored. Run by DVC, in the suite's folder.

    python -m benchmarks.ablation.cell VARIANT SEED val,test

A cell runs the project's own stages with other parameters, in a folder of its own below work/, where an
interrupted one goes on after its last whole epoch. What it leaves is below cells/: its scores and times.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from benchmarks.ablation import controls, live, rivals
from benchmarks.ablation.plan import teacher_folder, teacher_of, timed_by
from benchmarks.ablation.variants import ALL, PLAIN_TEACHER, changed
from benchmarks.ablation.workspace import DATA, FEWER, WORK, workspace
from benchmarks.device import device
from benchmarks.peers.fastai_learner import Photographs, learn
from stages import cache_teacher, distill_features, distill_predictions, train_baseline, train_teacher
from wsdkd import project
from wsdkd.cache.params import CacheParams
from wsdkd.cache.reader import TeacherCache
from wsdkd.data.annotations import read_objects
from wsdkd.data.photographs import photographs_folder
from wsdkd.data.tables import Split, read_classes, read_images
from wsdkd.evaluation.cost import count_multiply_adds
from wsdkd.evaluation.localisation import best_training_regions, localisation
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.evaluation.scoring import image_scores_and_detections
from wsdkd.evaluation.truth import gather_objects
from wsdkd.ground.files import publish_folder
from wsdkd.proposals.stored import read_proposals
from wsdkd.settings.sections import load_section, read_params
from wsdkd.student.network import load_student
from wsdkd.student.params import StudentParams
from wsdkd.student.run import student_scores
from wsdkd.teacher.network import load_teacher
from wsdkd.teacher.run import ProposedImages, run_fused_teacher

CELLS = Path("cells")
BATCH = 32

Times = dict[str, float]
"""Seconds of each step."""


def train(name: str, seed: int, params: dict[str, Any], splits: list[Split]) -> None:
    """Train and score a variant; writes cells/NAME-SEED and, of a teacher, its own folder below teachers/."""
    variant, home = ALL[name], Path.cwd()
    data = {f"data/{each.name}": each for each in sorted((home / DATA).iterdir())}
    if variant.labels != "all":
        data["data/prepared"] = home / FEWER[variant.labels] / "prepared"
    teacher = home / teacher_folder(teacher_of(name) or name, seed)
    if variant.kind in ("cached", "live", "control"):
        data |= {"data/teacher_cache": teacher / "cache", "models/teacher": teacher / "model"}
    plain = home / CELLS / f"{PLAIN_TEACHER}-{seed}" / "model"
    others = [home / CELLS / f"{other}-{seed}" / "cell.json" for other in timed_by(name)]
    with workspace(WORK / f"{name}-{seed}", changed(params, variant, seed), data):
        steps: dict[str, list[tuple[str, Callable[[], None]]]] = {
            "teacher": [("train", train_teacher.STAGE.train), ("cache", cache_teacher.main)],
            "plain": [("train", train_baseline.STAGE.train)],
            "cached": [
                ("stage_1", distill_features.STAGE.train),
                ("stage_2", distill_predictions.STAGE.train),
            ],
            "live": [("train", live.distil_online)],
            "plain teacher": [("train", lambda: live.distil_from_plain(plain))],
            "rival": [("train", lambda: rivals.RIVALS[name](plain))],
            "own average": [("train", rivals.distil_own_average)],
            "random heads": [("heads", lambda: controls.draw_heads(teacher / "model"))],
        }
        steps["random heads"] += [steps["teacher"][1], *steps["cached"]]
        if variant.kind == "control":
            steps[variant.kind] = [("train", controls.CONTROLS[name])]
        made, seconds = Path.cwd(), _timed(steps.get(variant.kind, []))
        if variant.kind == "peer":
            seconds, figures, scores = _learn_by_a_peer(others, seed, splits)
        elif variant.kind == "teacher":
            figures, scores = _score_teacher(splits)
        else:
            model = project.BASELINE if variant.kind == "plain" else project.STUDENT
            figures, scores = _score_student(model, splits)
    with publish_folder(CELLS / f"{name}-{seed}") as aside:
        for split, values in scores.items():
            np.save(aside / f"{split}.npy", values.astype(np.float32))
        _write(aside / "cell.json", {"variant": name, "seed": seed, "seconds": seconds, **figures})
        if name == PLAIN_TEACHER:
            (made / project.BASELINE).rename(aside / "model")
    if variant.kind == "teacher":
        with publish_folder(teacher_folder(name, seed)) as aside:
            (made / project.TEACHER).rename(aside / "model")
            (made / project.TEACHER_CACHE).rename(aside / "cache")
    shutil.rmtree(made)


def _timed(steps: list[tuple[str, Callable[[], None]]]) -> Times:
    seconds = {}
    for name, step in steps:
        started = time.perf_counter()
        step()
        seconds[name] = round(time.perf_counter() - started, 1)
    return seconds


def _learn_by_a_peer(
    others: Sequence[Path], seed: int, splits: Sequence[Split]
) -> tuple[Times, dict[str, float], dict[Split, np.ndarray]]:
    seconds = sum(sum(json.loads(other.read_text(encoding="utf-8"))["seconds"].values()) for other in others)
    student: StudentParams = load_section("student", StudentParams)
    photographs = Photographs(
        photographs_folder(project.IMAGES),
        read_classes(project.CLASSES),
        read_images(project.IMAGES, "train"),
        read_images(project.IMAGES, "val"),
    )
    learned = learn(photographs, student.network, student.input_size, seconds, seed)
    figures: dict[str, float] = {"epochs": learned.epochs, "multiply_adds": learned.multiply_adds}
    scores = {split: learned.scores(read_images(project.IMAGES, split)) for split in splits}
    return {"train": round(learned.seconds, 1)}, figures, scores


def _score_student(folder: Path, splits: list[Split]) -> tuple[dict[str, float], dict[Split, np.ndarray]]:
    loaded = load_student(folder)
    picture = torch.zeros(1, 3, loaded.params.input_size, loaded.params.input_size)
    figures: dict[str, float] = {"multiply_adds": count_multiply_adds(lambda: loaded.model(picture))}
    return figures, {
        split: student_scores(
            loaded,
            read_images(project.IMAGES, split),
            photographs_folder(project.IMAGES),
            batch_size=BATCH,
            device=device(),
            description=split,
        )
        for split in splits
    }


def _score_teacher(splits: list[Split]) -> tuple[dict[str, float], dict[Split, np.ndarray]]:
    # Image scores, and on the test split how well objects are found.
    loaded, proposals = load_teacher(project.TEACHER), read_proposals(project.PROPOSALS)
    params = load_section("evaluation", EvaluationParams)
    ranking = load_section("cache", CacheParams).ranking
    scores, figures = {}, {}
    for split in splits:
        rows = read_images(project.IMAGES, split)
        regions = run_fused_teacher(
            loaded,
            ProposedImages(rows, photographs_folder(project.IMAGES), proposals),
            ranking,
            batch_size=BATCH // 4,
            device=device(),
            description=split,
        )
        scores[split], detections = image_scores_and_detections(regions, params.nms_iou, params.detections)
        if split == "test":
            objects = read_objects(project.OBJECTS)
            train, root = read_images(project.IMAGES, "train"), photographs_folder(project.IMAGES)
            figures = localisation(
                detections,
                [proposals.of(row.image_id, loaded.params.proposals)[0] for row in rows],
                gather_objects(objects, [row.image_id for row in rows]),
                best_training_regions(TeacherCache(project.TEACHER_CACHE), train, root),
                gather_objects(objects, [row.image_id for row in train]),
                len(read_classes(project.CLASSES)),
            ).teacher
    return {name: round(value, 4) for name, value in figures.items()}, scores


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> None:
    """See the module."""
    params = read_params()
    name, seed, splits = arguments
    train(name, int(seed), params, cast("list[Split]", splits.split(",")))


if __name__ == "__main__":
    main(sys.argv[1:])

"""Stage ``evaluate``: baseline, teacher and student on the test split; the one stage that sees boxes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate import PartialState

from stages.run import run
from wsdkd import project
from wsdkd.cache.reader import TeacherCache
from wsdkd.data.annotations import ObjectRow, read_objects
from wsdkd.data.images import decode
from wsdkd.data.tables import ImageRow, label_counts, read_classes, read_images, targets
from wsdkd.evaluation.charts import draw_gains, draw_precision_recall, draw_training, save_png
from wsdkd.evaluation.cost import compare_costs
from wsdkd.evaluation.examples import Example, draw_examples
from wsdkd.evaluation.files import class_rows, read_curves, write_class_rows, write_columns, write_report
from wsdkd.evaluation.localisation import (
    Localisation,
    best_cached_regions,
    image_scores_and_detections,
    localisation,
)
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.evaluation.ranking import RECALLS, average_precisions, mean_precision_at_recall, without_positives
from wsdkd.evaluation.report import NETWORKS, Truth, classification, comparison, protocol
from wsdkd.evaluation.thresholded import predicted_above
from wsdkd.evaluation.truth import gather_objects
from wsdkd.ground.errors import UserError
from wsdkd.proposals.stored import Proposals, read_proposals
from wsdkd.settings.sections import dataset_root, load_section
from wsdkd.student.network import LoadedStudent, load_student
from wsdkd.student.run import student_scores
from wsdkd.teacher.network import LoadedTeacher, load_teacher
from wsdkd.teacher.run import Detections, fused_views, run_fused_teacher

TEACHER_BATCH, STUDENT_BATCH = 8, 32
EXAMPLES = 8
RUNS = ("teacher", "baseline", "features", "student")


@dataclass(frozen=True)
class Data:
    """What is held against the networks; ``kept`` marks the test images whose labels are scored."""

    classes: list[str]
    train: Sequence[ImageRow]
    test: Sequence[ImageRow]
    objects: Sequence[ObjectRow]
    proposals: Proposals
    kept: np.ndarray
    truth: Truth


@dataclass(frozen=True)
class Networks:
    """What is evaluated."""

    baseline: LoadedStudent
    teacher: LoadedTeacher
    student: LoadedStudent


def main() -> None:
    """Score the three networks and write numbers, charts and costs."""
    params = load_section("evaluation", EvaluationParams)
    data = _read(params)
    device = PartialState().device
    networks = Networks(
        load_student(project.BASELINE), load_teacher(project.TEACHER), load_student(project.STUDENT)
    )
    for name in NETWORKS:
        loaded = getattr(networks, name)
        if list(loaded.classes) != data.classes:
            raise UserError(f"models/{name}: trained on other classes than {project.CLASSES}; run: dvc repro")

    everywhere, detections = _score(networks, data, params, device)
    scores = {name: everywhere[name][data.kept] for name in NETWORKS}
    figures = {name: classification(scores[name], data.truth, params) for name in NETWORKS}
    located = _locate(data, detections, networks.teacher.params.proposals)
    figures["teacher"] |= located.teacher
    labels, known = data.truth.labels, data.truth.known
    accuracy: dict[str, Any] = {
        **comparison(scores, data.truth),
        **figures,
        "proposals": located.proposals,
        "absent": located.absent,
        "counts": {
            "train_images": len(data.train),
            "test_images": len(labels),
            "test_images_dropped": int((~data.kept).sum()),
            "classes": len(data.classes),
        },
        "classes_without_positives": [data.classes[k] for k in without_positives(labels, known)],
        "protocol": protocol(params, fused_views(networks.teacher.params)),
    }
    write_report(project.ACCURACY, accuracy)
    _write_charts(data, scores, located.ap50, accuracy["gain_mAP"])
    _write_examples(data, everywhere, detections, params)
    cost = compare_costs(networks.teacher, networks.student, params.cost_seconds, device)
    write_report(project.METRICS, {**accuracy, "cost": cost})


def _read(params: EvaluationParams) -> Data:
    classes = read_classes(project.CLASSES)
    test = read_images(project.IMAGES, "test")
    kept = np.array([bool(row.labels) or params.unlabelled == "keep" for row in test], dtype=bool)
    labels, known = targets(test, len(classes))
    if not labels.any():
        raise UserError(
            f"{project.IMAGES}: no image of the split test has a label; there is nothing to evaluate"
        )
    return Data(
        classes=classes,
        train=read_images(project.IMAGES, "train"),
        test=test,
        objects=read_objects(project.OBJECTS),
        proposals=read_proposals(project.PROPOSALS),
        kept=kept,
        truth=Truth(labels[kept], known[kept]),
    )


def _score(
    networks: Networks, data: Data, params: EvaluationParams, device: torch.device
) -> tuple[dict[str, np.ndarray], list[Detections]]:
    """Scores of the test images (N, K) by each network, and the teacher's detections on them."""
    root = dataset_root()
    scores = {}
    for name, student in (("baseline", networks.baseline), ("student", networks.student)):
        scores[name] = student_scores(
            student,
            data.test,
            root,
            batch_size=STUDENT_BATCH,
            device=device,
            description=f"{name} on test images",
        )
    regions = run_fused_teacher(
        networks.teacher,
        data.test,
        root,
        data.proposals,
        batch_size=TEACHER_BATCH,
        device=device,
        description="teacher on test images",
    )
    scores["teacher"], detections = image_scores_and_detections(
        regions, params.nms_iou, params.detections, first=None if data.objects else EXAMPLES
    )
    for name, values in scores.items():
        if not np.isfinite(values).all():
            raise UserError(f"models/{name}: its scores are not finite; train it with a lower learning rate")
    return scores, detections


def _locate(data: Data, detections: Sequence[Detections], best: int) -> Localisation:
    cache = TeacherCache(project.TEACHER_CACHE)
    cache.check(data.classes, data.train)
    test_ids, train_ids = [row.image_id for row in data.test], [row.image_id for row in data.train]
    return localisation(
        detections,
        (data.proposals.of(image_id, best)[0] for image_id in test_ids),
        gather_objects(data.objects, test_ids),
        best_cached_regions(cache, train_ids),
        gather_objects(data.objects, train_ids),
        len(data.classes),
    )


def _write_charts(data: Data, scores: dict[str, np.ndarray], ap50: np.ndarray | None, gain: float) -> None:
    labels, known = data.truth.labels, data.truth.known
    precisions = {name: average_precisions(scores[name], labels, known) for name in NETWORKS}
    seen = label_counts(data.train, len(data.classes))
    rows = class_rows(data.classes, seen, (labels * known).sum(axis=0), precisions, ap50)
    write_class_rows(project.PER_CLASS, rows)
    gains = np.array([np.nan if row.gain is None else row.gain for row in rows])
    title = f"Gain of distillation in AP: {gain:+.1f} mAP"
    save_png(draw_gains([row.name for row in rows], gains, title), project.PICTURES / "gain_per_class.png")
    curves = {name: mean_precision_at_recall(scores[name], labels, known) for name in NETWORKS}
    write_columns(project.PRECISION_RECALL, {"recall": RECALLS, **curves})
    save_png(draw_precision_recall(RECALLS, curves), project.PICTURES / "precision_recall.png")
    training = {run: read_curves(project.CURVES / run) for run in RUNS}
    save_png(draw_training(training), project.PICTURES / "training_curves.png")


def _write_examples(
    data: Data, scores: dict[str, np.ndarray], detections: Sequence[Detections], params: EvaluationParams
) -> None:
    """The first test images there are, not the best ones."""
    shown = data.test[:EXAMPLES]
    labels, known = targets(shown, len(data.classes))
    above = {name: predicted_above(scores[name][: len(shown)], known, params.threshold) for name in NETWORKS}
    examples = [
        Example(
            picture=np.asarray(decode(dataset_root() / row.path)),
            present=labels[i] > 0,
            known=known[i],
            detections=detections[i],
            detected=above["teacher"][i],
            predicted={name: above[name][i] for name in NETWORKS},
        )
        for i, row in enumerate(shown)
    ]
    save_png(draw_examples(examples, data.classes), project.PICTURES / "examples.png")


if __name__ == "__main__":
    run(main, "evaluate")

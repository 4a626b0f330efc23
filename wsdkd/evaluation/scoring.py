"""What the three networks say of the test images: scores, logits, detections."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from accelerate.utils import gather_object

from wsdkd.data.annotations import ObjectRow
from wsdkd.data.tables import ImageRow
from wsdkd.datasets.audit.facts import Facts
from wsdkd.evaluation.params import NETWORKS, EvaluationParams
from wsdkd.evaluation.students import MOST_CELLS, students_said
from wsdkd.ground.errors import UserError
from wsdkd.proposals.stored import Proposals
from wsdkd.student.network import LoadedStudent
from wsdkd.support import Ranking
from wsdkd.teacher.detections import Detections, detect
from wsdkd.teacher.network import LoadedTeacher
from wsdkd.teacher.run import ProposedImages, ScoredRegions, run_fused_teacher

TEACHER_BATCH, STUDENT_BATCH = 8, 32


@dataclass(frozen=True)
class Data:
    """What the networks are held against.

    Attributes:
        classes: names of the K classes.
        train: rows of the training split.
        test: rows of the test split.
        objects: annotated objects of both; empty where the dataset has no boxes.
        proposals: of at least the test images.
        root: folder that the rows' paths are relative to.
        audit: what is known of the whole dataset.
        unlabelled: how many images without labels the student has learned from as well.
    """

    classes: Sequence[str]
    train: Sequence[ImageRow]
    test: Sequence[ImageRow]
    objects: Sequence[ObjectRow]
    proposals: Proposals
    root: Path
    audit: Facts
    unlabelled: int = 0


@dataclass(frozen=True)
class Networks:
    """What is evaluated."""

    baseline: LoadedStudent
    teacher: LoadedTeacher
    student: LoadedStudent

    def students(self) -> dict[str, LoadedStudent]:
        """Those that have an operating point, by name."""
        return {"baseline": self.baseline, "student": self.student}


@dataclass(frozen=True)
class Said:
    """What the networks say of all N test images, those that do not count among them.

    Attributes:
        scores: (N, K) of each network.
        logits: (N, K) of baseline and student.
        detections: of the teacher.
        best: of each image the place among its proposals of the teacher's best region of each class, (K,).
        cells: (N, K, h, w), what each cell of an image says to baseline and student, where it was kept.
    """

    scores: Mapping[str, np.ndarray]
    logits: Mapping[str, np.ndarray]
    detections: Sequence[Detections]
    best: Sequence[np.ndarray]
    cells: Mapping[str, np.ndarray]


def check_classes(networks: Networks, classes: Sequence[str]) -> None:
    """Refuse networks that were trained on other classes.

    Raises:
        UserError: names the network.
    """
    for name in NETWORKS:
        if list(getattr(networks, name).classes) != list(classes):
            raise UserError(f"{name}: trained on other classes than the dataset has now; run: dvc repro")


class Processes(Protocol):
    """Who shares the test images; ``accelerate.PartialState`` is one."""

    process_index: int
    num_processes: int
    device: torch.device


def share(count: int, processes: Processes) -> slice:
    """Which of ``count`` images this process scores: whole batches, in order, so that each is as in one."""
    batches = -(-count // STUDENT_BATCH)
    begin, end = (
        STUDENT_BATCH * (batches * place // processes.num_processes)
        for place in (processes.process_index, processes.process_index + 1)
    )
    return slice(min(begin, count), min(end, count))


def score(
    networks: Networks,
    data: Data,
    ranking: Ranking,
    params: EvaluationParams,
    first: int | None,
    processes: Processes,
) -> Said:
    """Ask the networks about all test images; each of several processes scores its share, and gets all.

    Args:
        networks: baseline, teacher and student.
        data: of which the test split is scored.
        ranking: what detections are ranked by.
        params: rules of detections, and the precision.
        first: in how many images to detect; None is all.
        processes: who takes part, and where this one computes.

    Raises:
        UserError: a network's scores are not finite.
    """
    mine = share(len(data.test), processes)
    part = replace(data, test=data.test[mine])
    here = None if first is None else max(0, first - mine.start)
    said = _together(_score(networks, part, ranking, params, here, processes), processes)
    for name, values in said.scores.items():
        if not np.isfinite(values).all():
            raise UserError(f"{name}: its scores are not finite; train it with a lower learning rate")
    return said


def _score(
    networks: Networks,
    data: Data,
    ranking: Ranking,
    params: EvaluationParams,
    first: int | None,
    processes: Processes,
) -> Said:
    if not len(data.test):  # of fewer batches than processes
        nothing = np.zeros((0, len(data.classes)), np.float32)
        return Said(dict.fromkeys(NETWORKS, nothing), dict.fromkeys(networks.students(), nothing), [], [], {})
    device, count = processes.device, processes.num_processes
    shown = processes.process_index == 0  # whose share is as large as any
    among = f" (the first of {count} processes)" if count > 1 else ""
    students = students_said(
        networks.students(),
        data.test,
        data.root,
        batch_size=STUDENT_BATCH,
        device=device,
        precision=params.precision,
        most_cells=MOST_CELLS // count,
        description=f"on test images{among}" if shown else None,
    )
    scores = {name: one.scores for name, one in students.items()}
    regions = run_fused_teacher(
        networks.teacher,
        ProposedImages(data.test, data.root, data.proposals),
        ranking,
        batch_size=TEACHER_BATCH,
        device=device,
        precision=params.precision,
        description=f"teacher on test images{among}" if shown else None,
    )
    best: list[np.ndarray] = []
    scores["teacher"], detections = image_scores_and_detections(
        _noting_best(regions, best),
        params.nms_iou,
        params.detections,
        first=first,
    )
    logits = {name: one.logits for name, one in students.items()}
    cells = {name: one.cells for name, one in students.items() if one.cells is not None}
    return Said(scores, logits, detections, best, cells)


def _together(said: Said, processes: Processes) -> Said:
    """What all processes say, each of its share of the images."""
    if processes.num_processes == 1:
        return said
    every: list[Said] = gather_object([said])
    return Said(
        {name: np.concatenate([each.scores[name] for each in every]) for name in said.scores},
        {name: np.concatenate([each.logits[name] for each in every]) for name in said.logits},
        [one for each in every for one in each.detections],
        [one for each in every for one in each.best],
        _cells_together([each.cells for each in every if len(each.best)]),
    )


def _cells_together(every: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    # Of a student for which a process had no room, there are none.
    names = set.intersection(*(set(each) for each in every))
    return {name: np.concatenate([each[name] for each in every]) for name in sorted(names)}


def _noting_best(images: Iterable[ScoredRegions], best: list[np.ndarray]) -> Iterator[ScoredRegions]:
    # Two bytes a class and image; the boxes are the proposals', which are at hand.
    for image in images:
        best.append(image.detection_scores.argmax(axis=0).astype(np.uint16))
        yield image


def image_scores_and_detections(
    images: Iterable[ScoredRegions], nms_iou: float, limit: int, first: int | None = None
) -> tuple[np.ndarray, list[Detections]]:
    """Image scores p, float32 (N, K), and the detections of the ``first`` images (all by default).

    Args:
        images: regions of each of N images.
        nms_iou: of two detections of a class that overlap more, the better stays.
        limit: detections an image.
        first: how many images to detect in.
    """
    scores: list[np.ndarray] = []
    detections: list[Detections] = []
    for image in images:
        scores.append(image.scores.sum(axis=0))
        if first is None or len(detections) < first:
            detections.append(detect(image.boxes, image.detection_scores, nms_iou, limit))
    return np.stack(scores), detections

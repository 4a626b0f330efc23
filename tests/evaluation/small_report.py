"""A report of made-up scores and small networks, put together by the functions that an evaluation uses."""

from typing import Any

import numpy as np
import torch

from wsdkd.data.boxes import pairwise_iou
from wsdkd.evaluation.cost import compare_costs
from wsdkd.evaluation.localisation import localisation
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.evaluation.report import classification, comparison, protocol
from wsdkd.evaluation.truth import ImageObjects, Truth
from wsdkd.settings.sections import parse_section
from wsdkd.student.network import LoadedStudent, Student
from wsdkd.student.params import BaselineParams, StudentParams
from wsdkd.teacher.detections import Detections
from wsdkd.teacher.network import LoadedTeacher, Wsddn
from wsdkd.teacher.params import TeacherParams
from wsdkd.teacher.run import fused_views

CLASSES = ["ant", "bee", "cat", "dog", "eel"]
NETWORK = {"weights": None, "stages": 2, "stride": 8}
STRENGTHS = {"baseline": 0.1, "teacher": 0.9, "student": 0.4}
"""How far apart the scores of images with and without a label are, against noise from 0 to 1."""


def truth(images: int = 80, frequency: float = 0.3) -> Truth:
    generator = np.random.default_rng(0)
    labels = (generator.random((images, len(CLASSES))) < frequency).astype(np.float32)
    return Truth(labels, np.ones(labels.shape, dtype=bool))


def scores(strength: float, labels: np.ndarray, seed: int) -> np.ndarray:
    """Of a network that knows ``labels`` as well as ``strength`` says."""
    return (np.random.default_rng(seed).random(labels.shape) + strength * labels) / (1 + strength)


def small_teacher(**changes: Any) -> LoadedTeacher:
    section = {
        "network": NETWORK,
        "input_size": 32,
        "train_sizes": [32],
        "proposals": 4,
        "roi": {"bins": 2},
        "hidden": 16,
        "training": {"epochs": 1},
        **changes,
    }
    params = parse_section({"teacher": section}, "teacher", TeacherParams)
    return LoadedTeacher(Wsddn(params, len(CLASSES)).eval(), params, CLASSES)


def small_student() -> LoadedStudent:
    params = parse_section({"student": {"network": NETWORK, "input_size": 32}}, "student", StudentParams)
    return LoadedStudent(Student(params, len(CLASSES)).eval(), params, CLASSES)


def small_report(strengths: dict[str, float] = STRENGTHS, boxes: bool = True) -> dict[str, Any]:
    """What ``reports/metrics.json`` holds, its floats not yet rounded."""
    params, known = EvaluationParams(), truth()
    said = {
        name: scores(strength, known.labels, seed)
        for seed, (name, strength) in enumerate(strengths.items(), start=1)
    }
    found = _localised(boxes)
    teacher, student = small_teacher(), small_student()
    figures = {name: classification(said[name], known, params) for name in strengths}
    figures["teacher"] |= found.teacher
    return {
        **comparison(said, known),
        **figures,
        "proposals": found.proposals,
        "absent": found.absent,
        "counts": {
            "train_images": 100,
            "test_images": len(known.labels),
            "test_images_dropped": 0,
            "classes": len(CLASSES),
        },
        "classes_without_positives": [],
        "protocol": protocol(params, "fp32", fused_views(teacher.params), "scores", {}, BaselineParams()),
        "cost": compare_costs(teacher, student, 1e-3, torch.device("cpu")),
    }


def _localised(boxes: bool) -> Any:
    """Of one object that is found, and one of which the best region covers half."""
    places = np.array([[0.0, 0, 40, 40], [50, 50, 90, 90]])[: 2 * boxes]
    best = np.array([[0.0, 0, 40, 40], [50, 50, 90, 70]])
    assert pairwise_iou(best, np.array([[50.0, 50, 90, 90]]))[1, 0] == 0.5
    objects = [ImageObjects(places, np.arange(len(places)), np.zeros(len(places), bool))]
    detections = [Detections(best.astype(np.float32)[:1], np.array([0], np.int16), np.ones(1, np.float32))]
    return localisation(detections, [best], objects, [best], objects, len(CLASSES))

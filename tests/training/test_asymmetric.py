"""The asymmetric loss by the formula of its paper, through students and the teacher."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.small_world import CLASSES, STUDENT, TEACHER, TRAINING, make_world, train
from wsdkd.student.learning import LabelObjective, label_loss
from wsdkd.student.network import Student
from wsdkd.teacher.learning import RegionsAndLabels, TeacherObjective, asymmetric_wsddn_loss
from wsdkd.teacher.network import Wsddn
from wsdkd.training.asymmetric import asymmetric_loss
from wsdkd.training.loader import Labels

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(scale=2, size=(5, 4)).astype(np.float32)
LABELS = (RNG.random((5, 4)) < 0.4).astype(np.float32)
KNOWN = RNG.random((5, 4)) < 0.8


def _by_formula(p: np.ndarray) -> float:
    shifted = np.maximum(p - 0.05, 0)
    positive, negative = (1 - p) * np.log(p), shifted**4 * np.log(1 - shifted)
    return float(-(np.where(LABELS > 0, positive, negative) * KNOWN).sum() / 5)


def test_by_the_formula() -> None:
    assert KNOWN.any()
    assert not KNOWN.all()
    logits, labels, known = (torch.from_numpy(each) for each in (LOGITS, LABELS, KNOWN))
    p = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))
    assert float(asymmetric_loss(logits, labels, known)) == pytest.approx(_by_formula(p), rel=1e-4)
    assert float(asymmetric_wsddn_loss(torch.from_numpy(p).float(), labels, known)) == pytest.approx(
        _by_formula(p), rel=1e-3
    )


def test_what_is_not_known_teaches_nothing() -> None:
    logits = torch.from_numpy(LOGITS).requires_grad_()
    asymmetric_loss(logits, torch.from_numpy(LABELS), torch.from_numpy(KNOWN)).backward()
    assert not logits.grad[~torch.from_numpy(KNOWN)].any()  # type: ignore[index]


def test_a_score_of_exactly_nothing_is_finite() -> None:
    scores = torch.tensor([[0.0, 1.0]], requires_grad=True)
    loss = asymmetric_wsddn_loss(scores, torch.tensor([[1.0, 0.0]]), torch.ones(1, 2, dtype=torch.bool))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(scores.grad).all()  # type: ignore[arg-type]


def test_students_and_teachers_learn_by_it(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    params = TRAINING.model_copy(update={"epochs": 10, "learning_rate": 1e-2})
    labels = Labels(world.rows, len(CLASSES))
    student, curves = train(
        lambda: LabelObjective(Student(STUDENT, len(CLASSES)), "asymmetric"), world, labels, params
    )
    assert student.label_loss is asymmetric_loss
    assert LabelObjective(Student(STUDENT, len(CLASSES))).label_loss is label_loss
    losses = curves.of("train/labels")
    assert losses[-1] < 0.6 * losses[0]
    regions = RegionsAndLabels(world.rows, len(CLASSES), world.proposals, 3)
    training = params.model_copy(update={"label_loss": "asymmetric"})
    teacher = TEACHER.model_copy(update={"training": training})
    _, curves = train(lambda: TeacherObjective(Wsddn(teacher, len(CLASSES)), teacher), world, regions, params)
    losses = curves.of("train/wsddn")
    assert losses[-1] < 0.8 * losses[0]

"""Stage 2: its losses by hand, and its objective on a cache made by hand."""

import math
from dataclasses import replace
from pathlib import Path
from unittest.mock import create_autospec

import pytest
import torch
from torch.nn.functional import logsigmoid

from tests.distill.two_views import TRAINING, VIEWS
from tests.training.small_world import CLASSES, STUDENT, HandMadeCache, World
from wsdkd.cache.reader import TeacherCache
from wsdkd.distill.from_cache import CachedPredictions
from wsdkd.distill.params import DistillPredictionsParams
from wsdkd.distill.predictions import PredictionObjective, prediction_loss, predictions_course
from wsdkd.ground.errors import UserError
from wsdkd.networks.checkpoints import save_network
from wsdkd.student.learning import label_loss
from wsdkd.student.network import Student
from wsdkd.training.course import Images
from wsdkd.training.pictures import Pictures

LOGITS = torch.tensor([[2.0, -1.0], [0.5, 3.0]])
TARGETS = torch.tensor([[1.0, 0.3], [0.0, 0.9]])
ALL = torch.ones(2, 2, dtype=torch.bool)


def _cross_entropy(logit: float, target: float) -> float:
    score = 1 / (1 + math.exp(-logit))
    return -target * math.log(score) - (1 - target) * math.log(1 - score)


def _by_hand(temperature: float = 1.0, known: torch.Tensor = ALL) -> float:
    total = 0.0
    for image in range(2):
        for label in range(2):
            if known[image, label]:
                logit = LOGITS[image, label].item() / temperature
                total += _cross_entropy(logit, TARGETS[image, label].item())
    return total / 2


def test_label_loss_sums_over_classes_and_averages_over_images() -> None:
    assert label_loss(LOGITS, TARGETS, ALL).item() == pytest.approx(_by_hand(), rel=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 5.0])
def test_the_students_logits_are_divided_by_t_without_a_factor(temperature: float) -> None:
    loss = prediction_loss(LOGITS, TARGETS, ALL, temperature)
    assert loss.item() == pytest.approx(_by_hand(temperature), rel=1e-6)


def test_at_temperature_1_it_is_multi_label_logits_distillation_up_to_a_constant() -> None:
    # Yang et al. (ICCV 2023): KL divergence of the Bernoulli distributions of teacher and student.
    logits = LOGITS.clone().requires_grad_()
    student = torch.distributions.Bernoulli(logits=logits)
    divergence = torch.distributions.kl_divergence(torch.distributions.Bernoulli(TARGETS), student)
    (expected,) = torch.autograd.grad(divergence.sum() / len(logits), logits)
    (found,) = torch.autograd.grad(prediction_loss(logits, TARGETS, ALL, 1.0), logits)
    torch.testing.assert_close(found, expected)


def test_ignored_classes_are_left_out() -> None:
    known = torch.tensor([[True, False], [True, True]])
    assert label_loss(LOGITS, TARGETS, known).item() == pytest.approx(_by_hand(1.0, known), rel=1e-6)
    assert prediction_loss(LOGITS, TARGETS, known, 5.0).item() == pytest.approx(
        _by_hand(5.0, known), rel=1e-6
    )


def test_extreme_logits_stay_finite() -> None:
    loss = label_loss(torch.tensor([[1e4, -1e4]]), torch.tensor([[0.0, 1.0]]), ALL[:1])
    assert loss.item() == pytest.approx(2e4)


def test_gradients_against_finite_differences() -> None:
    logits = LOGITS.double().requires_grad_()
    known = torch.tensor([[True, False], [True, True]])
    targets = TARGETS.double()
    assert torch.autograd.gradcheck(lambda z: label_loss(z, targets, known), logits)
    assert torch.autograd.gradcheck(lambda z: prediction_loss(z, targets, known, 5.0), logits)


def test_of_an_image_without_labels_stage_2_learns_the_teachers_word_alone(
    world: World, cache: HandMadeCache
) -> None:
    params = DistillPredictionsParams(temperature=2.0, training=TRAINING)
    student = Student(STUDENT, len(CLASSES)).eval()
    rows = [replace(row, split="unlabelled", labels=(), ignored=(0, 1, 2)) for row in world.rows]
    doubtful = [replace(row, ignored=tuple({0, 1, 2} - {*row.labels})) for row in world.rows]
    for images, known in ((rows, 0), (doubtful, 1)):
        batch = CachedPredictions(images, cache, params)(VIEWS)
        assert batch["known"].sum(1).tolist() == [known, known]
        assert batch["taught"].sum(1).tolist() == ([3, 3] if images is rows else [1, 1])
        batch["stem"] = student.backbone.stem(Pictures(images, world.root, [32]).load(VIEWS))
        losses = PredictionObjective(student, params)(batch)
        assert (losses["labels"].item() == 0) == (images is rows)
        z = student.classify(student.backbone.trunk(batch["stem"])) / 2
        each = -(batch["teacher_scores"] * logsigmoid(z) + (1 - batch["teacher_scores"]) * logsigmoid(-z))
        torch.testing.assert_close(losses["predictions"], (each * batch["taught"]).sum() / 2)


@pytest.mark.parametrize("classes", [CLASSES[::-1], [*CLASSES[:-1], "emu"], CLASSES[:-1]])
def test_a_student_of_stage_1_with_other_classes_is_refused(
    classes: list[str], world: World, tmp_path: Path
) -> None:
    cache = create_autospec(TeacherCache, instance=True)
    params = DistillPredictionsParams(training=TRAINING)
    save_network(tmp_path / "s", Student(STUDENT, len(classes)), "student", STUDENT, classes)
    images = Images(world.root, CLASSES, world.rows, world.rows)
    with pytest.raises(UserError, match="s: trained on other classes than the dataset has now; run:"):
        predictions_course(tmp_path / "s", params, images, cache)
    assert not cache.mock_calls


def test_stage_2(world: World, cache: HandMadeCache) -> None:
    params = DistillPredictionsParams(
        temperature=5.0, label_weight=0.5, teacher_weight=2.0, detection_temperature=0.7, training=TRAINING
    )
    torch.manual_seed(0)
    student = Student(STUDENT, len(CLASSES)).eval()
    batch = CachedPredictions(world.rows, cache, params)(VIEWS)
    for place, view in enumerate(VIEWS):
        seen = cache.view(world.rows[view.row].image_id, view.mirrored)
        m_c, m_d = torch.from_numpy(seen.class_logits), torch.from_numpy(seen.detection_logits)
        softened = (torch.softmax(m_c / 0.5, 1) * torch.softmax(m_d / 0.7, 0)).sum(0)
        torch.testing.assert_close(batch["teacher_scores"][place], softened)
    pictures = Pictures(world.rows, world.root, [32]).load(VIEWS)
    batch["stem"] = student.backbone.stem(pictures)
    losses = PredictionObjective(student, params)(batch)
    logits = student(pictures)
    labels = label_loss(logits, batch["labels"], batch["known"])
    teacher = prediction_loss(logits, batch["teacher_scores"], batch["known"], 5.0)
    torch.testing.assert_close(losses["labels"], labels / 2)
    torch.testing.assert_close(losses["predictions"], 2 * teacher)

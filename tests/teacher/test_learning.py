"""The teacher's losses: WSDDN's by hand, refinement (OICR) against plain loops over regions and classes."""

import math

import pytest
import torch

from wsdkd.teacher.learning import CLAMP, refinement_loss, refinement_targets, wsddn_loss

ALL = torch.ones(2, 3, dtype=torch.bool)


def test_wsddn_s_loss_sums_over_classes_and_averages_over_images() -> None:
    scores = torch.tensor([[0.5, 0.25, 0.8], [0.9, 0.1, 0.5]])
    labels = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    by_hand = -(
        math.log(0.5) + math.log(0.75) + math.log(0.8) + math.log(0.1) + math.log(0.9) + math.log(0.5)
    )
    assert wsddn_loss(scores, labels, ALL).item() == pytest.approx(by_hand / 2, rel=1e-6)


def test_wsddn_s_loss_clamps_at_1e_4_on_both_sides() -> None:
    wrong = torch.tensor([[0.0, 1.0, 0.5]])
    labels = torch.tensor([[1.0, 0.0, 0.0]])
    loss = wsddn_loss(wrong, labels, ALL[:1]).item()
    assert CLAMP == 1e-4
    assert loss == pytest.approx(-2 * math.log(1e-4) - math.log(0.5), rel=1e-3)


def test_to_wsddn_an_ignored_class_costs_nothing_and_gets_no_gradient() -> None:
    scores = torch.tensor([[0.2, 0.7, 0.4]], requires_grad=True)
    known = torch.tensor([[True, False, True]])
    wsddn_loss(scores, torch.tensor([[1.0, 1.0, 0.0]]), known).backward()
    assert scores.grad is not None
    assert scores.grad[0, 1] == 0
    assert scores.grad[0].tolist() == pytest.approx([-1 / 0.2, 0, 1 / 0.6])


def test_gradient_of_wsddn_s_loss_against_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(3, 4, generator=generator, dtype=torch.float64) * 0.9 + 0.05
    labels = (torch.rand(3, 4, generator=generator) < 0.4).double()
    known = torch.rand(3, 4, generator=generator) < 0.8
    assert torch.autograd.gradcheck(lambda s: wsddn_loss(s, labels, known), scores.requires_grad_())


CLASSES = 3
BACKGROUND = CLASSES

# Of image 0 two regions on one object, one on another, one elsewhere; of image 1 one; image 2 has none.
ROIS = torch.tensor(
    [[0, 0, 0, 10, 10], [0, 0, 0, 10, 9], [1, 5, 5, 9, 9], [0, 50, 50, 60, 60], [0, 80, 0, 90, 10]],
    dtype=torch.float32,
)
SCORES = torch.tensor(
    [[0.6, 0.1, 0.9], [0.5, 0.2, 0.9], [0.1, 0.2, 0.3], [0.2, 0.7, 0.9], [0.1, 0.1, 0.9]],
    dtype=torch.float32,
)
LABELS = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
KNOWN = torch.ones(3, CLASSES, dtype=torch.bool)


def _plain_targets(scores: torch.Tensor, labels: torch.Tensor) -> tuple[list[int], list[float]]:
    """As Algorithm 1 of OICR has it, with the best overlap so far kept along."""
    classes, weights = [BACKGROUND] * len(ROIS), [0.0] * len(ROIS)
    best_so_far = [-1.0] * len(ROIS)
    for image, present in enumerate(labels):
        mine = [r for r in range(len(ROIS)) if ROIS[r, 0] == image]
        for k in (k for k in range(CLASSES) if present[k] and mine):
            top = max(mine, key=lambda r: scores[r, k].item())
            for r in mine:
                overlap = _iou(ROIS[r, 1:].tolist(), ROIS[top, 1:].tolist())
                if overlap > best_so_far[r]:
                    best_so_far[r], weights[r] = overlap, scores[top, k].item()
                    classes[r] = k if overlap > 0.5 else BACKGROUND
    return classes, weights


def _iou(one: list[float], other: list[float]) -> float:
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    shared = width * height
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (areas - shared)


def test_what_overlaps_the_best_region_takes_over_its_class() -> None:
    targets = refinement_targets(SCORES, ROIS, LABELS)
    # The last region touches neither: background, as surely as the first of the classes was found.
    assert targets.classes.tolist() == [0, 0, BACKGROUND, 1, BACKGROUND]
    assert targets.weights.tolist() == pytest.approx([0.6, 0.6, 0.0, 0.7, 0.6])
    classes, weights = _plain_targets(SCORES, LABELS)
    assert targets.classes.tolist() == classes
    assert targets.weights.tolist() == pytest.approx(weights)


def test_many_regions_against_the_algorithm() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        scores = torch.rand(len(ROIS), CLASSES, generator=generator)
        labels = (torch.rand(3, CLASSES, generator=generator) < 0.6).float()
        classes, weights = _plain_targets(scores, labels)
        targets = refinement_targets(scores, ROIS, labels)
        assert targets.classes.tolist() == classes
        assert targets.weights.tolist() == pytest.approx(weights)


def test_refinement_by_two_branches_the_second_taught_by_the_first() -> None:
    logits = torch.randn(len(ROIS), 2, CLASSES + 1, generator=torch.Generator().manual_seed(1))
    expected, scores = 0.0, SCORES
    for branch in range(2):
        classes, weights = _plain_targets(scores, LABELS)
        probabilities = logits[:, branch].softmax(dim=1)
        for r, (held, weight) in enumerate(zip(classes, weights, strict=True)):
            regions = sum(int(ROIS[other, 0] == ROIS[r, 0]) for other in range(len(ROIS)))
            expected -= weight * math.log(probabilities[r, held].item()) / regions / len(LABELS)
        scores = probabilities[:, :CLASSES]
    found = refinement_loss(logits, SCORES, ROIS, LABELS, KNOWN)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_in_refinement_an_ignored_class_teaches_nothing_and_is_taught_nothing() -> None:
    known = KNOWN.clone()
    known[0, 1] = False
    logits = torch.randn(len(ROIS), 2, CLASSES + 1, generator=torch.Generator().manual_seed(1))
    logits.requires_grad_()
    loss = refinement_loss(logits, SCORES, ROIS, LABELS, known)
    loss.backward()
    assert torch.isfinite(loss)
    assert logits.grad is not None
    of_image = ROIS[:, 0] == 0
    assert not logits.grad[of_image][:, :, 1].any()
    assert logits.grad[of_image][:, :, 0].all()
    assert refinement_targets(SCORES, ROIS, LABELS * known).classes[3] == BACKGROUND


def test_scores_of_the_branch_before_get_no_gradient() -> None:
    scores = SCORES.clone().requires_grad_()
    logits = torch.zeros(len(ROIS), 1, CLASSES + 1, requires_grad=True)
    refinement_loss(logits, scores, ROIS, LABELS, KNOWN).backward()
    assert scores.grad is None


def test_images_without_labels_cost_nothing() -> None:
    logits = torch.zeros(len(ROIS), 3, CLASSES + 1, requires_grad=True)
    loss = refinement_loss(logits, SCORES, ROIS, torch.zeros_like(LABELS), KNOWN)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()

"""The teacher's losses: WSDDN's by hand, refinement (OICR) against plain loops over regions and classes."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.small_world import CLASSES as CLASS_NAMES
from tests.training.small_world import SIZE, TEACHER, make_world
from wsdkd.support import support
from wsdkd.teacher.learning import (
    CLAMP,
    RegionsAndLabels,
    TeacherObjective,
    refinement_loss,
    refinement_targets,
    wsddn_loss,
)
from wsdkd.teacher.network import Wsddn
from wsdkd.training.pictures import Pictures
from wsdkd.training.views import View

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


OBJECTNESS = torch.tensor([0.2, 0.9, 1.0, 0.5, 0.1])


def test_by_support_whole_objects_teach_and_count_as_much_as_all_else() -> None:
    probabilities = SCORES.softmax(dim=1)
    logits = torch.randn(len(ROIS), 2, CLASSES + 1, generator=torch.Generator().manual_seed(1))
    expected, scores = 0.0, probabilities
    for branch in range(2):
        ranks = torch.zeros_like(scores)
        for image in range(3):
            mine = torch.nonzero(ROIS[:, 0] == image)[:, 0]
            found = support(ROIS[mine, 1:].numpy(), OBJECTNESS[mine].numpy(), scores[mine].numpy())
            ranks[mine] = torch.from_numpy(found)
        targets = refinement_targets(scores, ROIS, LABELS, ranks)
        taught = logits[:, branch].softmax(dim=1)
        for image in range(3):
            for kind in (True, False):
                mine = [
                    r
                    for r in range(len(ROIS))
                    if ROIS[r, 0] == image and (targets.classes[r].item() < BACKGROUND) == kind
                ]
                for r in mine:
                    held, weight = targets.classes[r].item(), targets.weights[r].item()
                    expected -= weight * math.log(taught[r, int(held)].item()) / len(mine) / 2 / len(LABELS)
        scores = taught[:, :CLASSES]
    found = refinement_loss(logits, probabilities, ROIS, LABELS, KNOWN, OBJECTNESS)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_by_support_the_region_around_the_object_teaches_and_not_its_best_part() -> None:
    # The part within the whole scores highest; the whole contains it and has the better contour.
    rois = torch.tensor([[0, 0, 0, 40, 40], [0, 5, 5, 20, 20], [0, 60, 60, 90, 90]], dtype=torch.float32)
    scores = torch.tensor([[0.5, 0.1], [0.9, 0.1], [0.1, 0.1]])
    labels = torch.tensor([[1.0, 0.0]])
    ranks = torch.from_numpy(support(rois[:, 1:].numpy(), np.array([0.9, 0.2, 0.5]), scores.numpy()))
    assert refinement_targets(scores, rois, labels).classes.tolist() == [2, 0, 2]
    targets = refinement_targets(scores, rois, labels, ranks)
    assert targets.classes.tolist() == [0, 2, 2]
    assert targets.weights.tolist() == pytest.approx([0.5, 0.5, 0.5])


def test_single_regions_are_to_hold_their_images_labels(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    params = TEACHER.model_copy(update={"region_weight": 2.0})
    objective = TeacherObjective(Wsddn(params, len(CLASS_NAMES)), params).eval()
    views = [View(row, False, SIZE) for row in range(3)]
    batch = RegionsAndLabels(world.rows, len(CLASS_NAMES), world.proposals, 3)(views)
    batch["stem"] = objective.backbone.stem(Pictures(world.rows, world.root, [SIZE]).load(views))
    features = objective.teacher.regions(batch["stem"], batch["rois"], batch["objectness"]).features
    classifier = objective.region_classifier
    assert classifier is not None
    each = torch.stack(
        [
            torch.nn.functional.binary_cross_entropy_with_logits(
                classifier(features[r]), batch["labels"][int(batch["rois"][r, 0])], reduction="sum"
            )
            for r in range(len(features))
        ]
    )
    torch.testing.assert_close(objective(batch)["regions"], 2 * each.mean())
    assert objective.weights(batch) == {"regions": len(features)}
    assert classifier in objective.new_layers()
    # It is thrown away: the network that is kept does not have it.
    assert not any(name.startswith("region_classifier") for name in objective.teacher.state_dict())

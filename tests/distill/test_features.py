"""Stage 1: its losses by hand, and each recipe on a cache made by hand against what it says."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.distill.two_views import TRAINING, VIEWS, stage_1
from tests.training.small_world import (
    CLASSES,
    FEATURES,
    STUDENT,
    HandMadeCache,
    World,
    train,
)
from wsdkd.distill.features import feature_loss, feature_objective, relative_feature_loss
from wsdkd.distill.from_cache import CachedFeatures, CachedPredictions
from wsdkd.distill.predictions import prediction_loss
from wsdkd.networks.backbones import FullyConnected
from wsdkd.networks.roi_pooling import pool_regions
from wsdkd.student.learning import label_loss
from wsdkd.student.network import Student
from wsdkd.student.params import StudentParams
from wsdkd.training.loader import Batch
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import seed_all
from wsdkd.training.region_loss import region_loss

OURS = torch.tensor([[1.0, 2.0], [0.0, 0.0], [3.0, 1.0]])
THEIRS = torch.tensor([[0.0, 0.0], [2.0, 0.0], [3.0, 4.0]])
# Square distances by hand: 5, 4, 9.


def test_the_released_form() -> None:
    # 1 / (2N) sum_r || f^S - f^T ||^2
    assert feature_loss(OURS, THEIRS).item() == pytest.approx((5 + 4 + 9) / (2 * 3))


def test_the_weighted_form() -> None:
    weights = torch.tensor([1.0, 0.5, 0.0])
    assert feature_loss(OURS, THEIRS, weights).item() == pytest.approx((5 + 2) / (2 * 1.5))


def test_equal_weights_are_the_released_form() -> None:
    weighted = feature_loss(OURS, THEIRS, torch.full((3,), 0.3))
    assert weighted.item() == pytest.approx(feature_loss(OURS, THEIRS).item())


def test_relative_to_the_teachers_own_square_sum() -> None:
    weights = torch.tensor([1.0, 0.5, 1.0])
    # Teacher's square sums by hand: 0, 4, 25.
    assert relative_feature_loss(OURS, THEIRS, weights).item() == pytest.approx((5 + 2 + 9) / (2 + 25))
    silent = torch.zeros_like(THEIRS)
    for scale in (1, 100):
        assert relative_feature_loss(silent, THEIRS * scale, weights).item() == pytest.approx(1)


def test_no_weight_at_all_is_no_loss() -> None:
    none = torch.zeros(3)
    assert feature_loss(OURS, THEIRS, none) == 0
    assert relative_feature_loss(OURS, THEIRS, none) == 0


@pytest.mark.parametrize("loss", [feature_loss, relative_feature_loss])
def test_gradient_against_finite_differences(loss: object) -> None:
    generator = torch.Generator().manual_seed(1)
    student = torch.randn(4, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    weights = torch.rand(4, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda s: loss(s, teacher, weights), student)  # type: ignore[operator]


def test_region_loss_sums_over_known_classes_and_averages_over_regions() -> None:
    logits = torch.tensor([[0.0, 5.0], [0.0, 0.0]])
    targets = torch.tensor([[1.0, 0.0], [0.5, 0.0]])
    known = torch.tensor([[True, False], [True, True]])
    assert region_loss(logits, targets, known).item() == pytest.approx(3 * math.log(2) / 2)


def test_gradient_of_region_loss_against_finite_differences() -> None:
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(3, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    targets = torch.rand(3, 4, generator=generator, dtype=torch.float64)
    known = torch.rand(3, 4, generator=generator) < 0.7
    assert torch.autograd.gradcheck(lambda z: region_loss(z, targets, known), logits)


def _student(**fields: object) -> Student:
    torch.manual_seed(0)
    return Student(STUDENT.model_copy(update=fields), len(CLASSES)).eval()


def _batch(world: World, cache: HandMadeCache, student: Student, best: int | None = None) -> Batch:
    extras = CachedFeatures(world.rows, cache, stage_1("regions", rois=best))(VIEWS)
    pictures = Pictures(world.rows, world.root, [32]).load(VIEWS)
    return {"stem": student.backbone.stem(pictures), **extras}


@pytest.mark.parametrize("hidden", [None, 10])
def test_recipe_release(world: World, cache: HandMadeCache, hidden: int | None) -> None:
    # RoI max-pooling times objectness, all RoIs alike, and the plain Euclidean loss.
    student = _student(hidden=hidden)
    batch = _batch(world, cache, student)
    objective = feature_objective(student, stage_1("release"), FEATURES)
    feature_map = student.embed(student.backbone.trunk(batch["stem"]))
    pooled = pool_regions(feature_map, batch["rois"], 1, 1 / student.backbone.stride, "max")
    vectors = (pooled * batch["objectness"].view(-1, 1, 1, 1)).flatten(1)
    expected = feature_loss(objective.projections[0](vectors), batch["features"])
    losses = objective(batch)
    assert list(losses) == ["features"]
    torch.testing.assert_close(losses["features"], expected)


def test_recipe_paper(world: World, cache: HandMadeCache) -> None:
    # Each of the last three stages, globally pooled over the RoI, weighted by confidence.
    student = _student()
    batch = _batch(world, cache, student)
    objective = feature_objective(student, stage_1("paper"), FEATURES)
    expected = []
    features = batch["stem"]
    for stage, projection in zip(student.backbone.stages, objective.projections, strict=True):
        features = stage(features)
        scale = features.shape[-1] / 32
        pooled = pool_regions(features, batch["rois"], 1, scale, "align").flatten(1)
        expected.append(feature_loss(projection(pooled), batch["features"], batch["confidence"]))
    assert len(expected) == 3
    torch.testing.assert_close(objective(batch)["features"], torch.stack(expected).mean())


def test_recipe_regions(world: World, cache: HandMadeCache) -> None:
    student = _student(hidden=10)
    batch = _batch(world, cache, student)
    batch["known"][1, 2] = batch["taught"][1, 2] = False
    params = stage_1("regions", feature_weight=2.0, region_weight=0.5, label_weight=3.0)
    objective = feature_objective(student, params, FEATURES)
    feature_map = student.embed(student.backbone.trunk(batch["stem"]))
    vectors = pool_regions(feature_map, batch["rois"], 1, 1 / student.backbone.stride, "align").flatten(1)
    projected = objective.projections[0](vectors)
    features = relative_feature_loss(projected, batch["features"], batch["confidence"])
    known = batch["known"][[0, 0, 1, 1, 1]]
    regions = region_loss(student.classifier(vectors), batch["region_targets"], known)
    labels = label_loss(student.classifier(feature_map.amax((2, 3))), batch["labels"], batch["known"])
    losses = objective(batch)
    torch.testing.assert_close(losses["features"], 2 * features)
    torch.testing.assert_close(losses["regions"], regions / 2)
    torch.testing.assert_close(losses["labels"], 3 * labels)


@pytest.mark.parametrize(
    ("params", "times"),
    [
        ({"recipe": "regions", "region_weight": 0.5, "label_weight": 3.0}, 1),
        ({"recipe": "release", "region_weight": 0.5, "label_weight": 3.0}, 1),
        ({"recipe": "paper", "label_weight": 3.0}, 1),
        ({"recipe": "paper"}, 0),
    ],
)
def test_all_losses_share_one_pass_through_fc6_and_fc7(
    world: World, cache: HandMadeCache, params: dict[str, object], times: int
) -> None:
    student = _student(hidden=10)
    batch = _batch(world, cache, student)
    objective = feature_objective(student, stage_1(**params), FEATURES)  # type: ignore[arg-type]
    passes: list[object] = []
    assert student.embedding is not None
    student.embedding.register_forward_hook(lambda *_: passes.append(None))
    objective(batch)
    assert len(passes) == times


@pytest.mark.parametrize("recipe", ["release", "paper", "regions"])
def test_widths_are_projected_where_they_differ_and_always_in_regions(recipe: str) -> None:
    student = _student()
    width = student.feature_dim
    for teacher_width in (width, width + 1):
        objective = feature_objective(student, stage_1(recipe), teacher_width)
        widths = student.backbone.widths() if recipe == "paper" else [width]
        kinds = [type(projection) for projection in objective.projections]
        same = [one == teacher_width and recipe != "regions" for one in widths]
        assert kinds == [nn.Identity if each else nn.Linear for each in same]
    assert not any("projection" in name for name in student.state_dict())


@pytest.mark.parametrize("recipe", ["release", "paper", "regions"])
def test_stage_1_comes_nearer_to_the_teacher(world: World, cache: HandMadeCache, recipe: str) -> None:
    params = TRAINING.model_copy(update={"epochs": 5, "learning_rate": 1e-2})
    extras = CachedFeatures(world.rows, cache, stage_1(recipe))
    _, curves = train(
        lambda: feature_objective(Student(STUDENT, 3), stage_1(recipe), FEATURES), world, extras, params
    )
    losses = curves.of("train/features")
    assert losses[-1] < 0.8 * losses[0]


def test_the_teacher_s_predictions_already_in_stage_1(world: World, cache: HandMadeCache) -> None:
    soft = {"temperature": 3.0, "class_temperature": 0.5, "detection_temperature": 0.7, "teacher_weight": 2.0}
    params = stage_1("regions", predictions=soft)
    student = _student()
    pictures = Pictures(world.rows, world.root, [32]).load(VIEWS)
    batch = CachedFeatures(world.rows, cache, params)(VIEWS)
    assert params.predictions is not None
    scores = CachedPredictions(world.rows, cache, params.predictions)(VIEWS)["teacher_scores"]
    torch.testing.assert_close(batch["teacher_scores"], scores)
    batch["stem"] = student.backbone.stem(pictures)
    losses = feature_objective(student, params, FEATURES)(batch)
    assert list(losses) == ["features", "predictions"]
    logits = student.classify(student.backbone.trunk(batch["stem"]))
    torch.testing.assert_close(
        losses["predictions"], 2 * prediction_loss(logits, scores, batch["known"], 3.0)
    )


def test_an_image_without_labels_is_in_all_losses_but_that_of_labels(
    world: World, cache: HandMadeCache
) -> None:
    soft = {"temperature": 3.0, "class_temperature": 0.5, "detection_temperature": 0.7, "teacher_weight": 2.0}
    params = stage_1("regions", region_weight=0.5, label_weight=3.0, predictions=soft)
    student = _student()
    hidden = replace(world.rows[5], split="unlabelled", labels=(), ignored=(0, 1, 2))
    rows = [*world.rows[:5], hidden, *world.rows[6:]]
    batch = CachedFeatures(rows, cache, params)(VIEWS)
    batch["stem"] = student.backbone.stem(Pictures(rows, world.root, [32]).load(VIEWS))
    assert batch["known"].tolist() == [[True] * 3, [False] * 3]
    assert batch["taught"].all()
    losses = feature_objective(student, params, FEATURES)(batch)
    feature_map = student.embed(student.backbone.trunk(batch["stem"]))
    logits = student.classifier(feature_map.amax((2, 3)))
    vectors = pool_regions(feature_map, batch["rois"], 1, 1 / student.backbone.stride, "align").flatten(1)
    everywhere = torch.ones(2, 3, dtype=torch.bool)
    labelled = label_loss(logits[:1], batch["labels"][:1], everywhere[:1])
    torch.testing.assert_close(losses["labels"], 3 * labelled / 2)  # of one image, averaged over two
    scores = batch["teacher_scores"]
    torch.testing.assert_close(losses["predictions"], 2 * prediction_loss(logits, scores, everywhere, 3.0))
    regions = region_loss(
        student.classifier(vectors), batch["region_targets"], torch.ones(5, 3, dtype=torch.bool)
    )
    torch.testing.assert_close(losses["regions"], regions / 2)


def test_vgg16s_own_layers_see_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    # fc6 and fc7 stand in for VGG16's: they take seven bins, pooled to the maximum (release).
    student = _student()
    fc6 = nn.Linear(student.backbone.channels * 49, 20)
    student.fully_connected = FullyConnected(nn.Flatten(), fc6, bins=7, width=20)
    student.feature_dim = 20
    objective = feature_objective(student, stage_1("release"), 20)
    assert isinstance(objective.projections[0], nn.Identity)
    feature_map = torch.rand(1, student.backbone.channels, 4, 4)
    stride = student.backbone.stride
    rois = torch.tensor([[0, 0, 0, 4.0 * stride, 4.0 * stride]])
    monkeypatch.setattr(student.backbone, "maps", lambda stem: [stem])
    teacher = torch.rand(1, 20)
    batch = {"stem": feature_map, "rois": rois, "features": teacher, "confidence": torch.ones(1)}
    losses = objective({**batch, "objectness": torch.tensor([0.5])})
    pooled = 0.5 * pool_regions(feature_map, rois, 7, 1 / stride, "max")
    torch.testing.assert_close(losses["features"], feature_loss(student.fully_connected(pooled), teacher))


def test_baseline_and_student_start_from_the_same_weights() -> None:
    # Both stages seed by student.seed right before; a baseline builds no projection.
    params = StudentParams(network=STUDENT.network, input_size=32, hidden=10, seed=3)
    states = []
    for wrap in (lambda s: s, lambda s: feature_objective(s, stage_1("regions"), FEATURES)):
        seed_all(params.seed)
        student = Student(params, 3)
        wrap(student)
        states.append(student.state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())

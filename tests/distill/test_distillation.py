"""Both stages of distillation on a cache made by hand, against what the recipes say."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.training.small_world import (
    CLASSES,
    FEATURES,
    STUDENT,
    HandMadeCache,
    World,
    make_world,
    train,
)
from wsdkd.cache.format import pack_rows
from wsdkd.cache.reader import CachedView
from wsdkd.data.boxes import to_input
from wsdkd.distill.features import feature_loss, feature_objective, region_loss, relative_feature_loss
from wsdkd.distill.from_cache import CachedFeatures, CachedPredictions, region_targets
from wsdkd.distill.params import DistillFeaturesParams, DistillPredictionsParams, SoftenedPredictions
from wsdkd.distill.predictions import PredictionObjective, prediction_loss
from wsdkd.networks.roi_pooling import pool_regions
from wsdkd.student.learning import label_loss
from wsdkd.student.network import Student
from wsdkd.student.params import StudentParams
from wsdkd.training.learner import seed_all
from wsdkd.training.loader import Batch
from wsdkd.training.params import Optimisation
from wsdkd.training.pictures import Pictures
from wsdkd.training.views import View

TRAINING = Optimisation(epochs=2, batch_size=4, learning_rate=3e-3)
VIEWS = [View(3, False, 32), View(5, True, 32)]
COUNTS = {3: 2, 5: 3}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def cache(world: World) -> HandMadeCache:
    return HandMadeCache(world, lambda image: COUNTS.get(image, 2))


def _params(recipe: str, **fields: object) -> DistillFeaturesParams:
    return DistillFeaturesParams.model_validate({"recipe": recipe, "training": TRAINING, **fields})


def _student(**fields: object) -> Student:
    torch.manual_seed(0)
    return Student(STUDENT.model_copy(update=fields), len(CLASSES)).eval()


def _batch(world: World, cache: HandMadeCache, student: Student, best: int | None = None) -> Batch:
    extras = CachedFeatures(world.rows, cache, _params("regions", rois=best))(VIEWS)
    pictures = Pictures(world.rows, world.root, [32]).load(VIEWS)
    return {"stem": student.backbone.stem(pictures), **extras}


def test_what_stage_1_reads_of_the_cache(world: World, cache: HandMadeCache) -> None:
    batch = CachedFeatures(world.rows, cache, _params("regions"))(VIEWS)
    assert batch["rois"][:, 0].tolist() == [0, 0, 1, 1, 1]
    for place, view in enumerate(VIEWS):
        row = world.rows[view.row]
        seen = cache.view(row.image_id, view.mirrored)
        mine = batch["rois"][:, 0] == place
        boxes = to_input(seen.boxes[seen.chosen], row.width, row.height, view.size, view.mirrored)
        np.testing.assert_array_equal(batch["rois"][mine, 1:], boxes)
        np.testing.assert_array_equal(batch["objectness"][mine], seen.objectness[seen.chosen])
        np.testing.assert_array_equal(batch["confidence"][mine], seen.confidence)
        np.testing.assert_array_equal(batch["features"][mine], seen.features)
        targets = region_targets(seen.class_logits, seen.detection_logits, row.labels)
        np.testing.assert_array_equal(batch["region_targets"][mine], targets[seen.chosen])


class PackedCache(HandMadeCache):
    """The same in eight bits."""

    def view(self, image_id: str, mirrored: bool) -> CachedView:
        view = super().view(image_id, mirrored)
        logits, features = pack_rows(view.logit_rows), pack_rows(view.feature_rows)
        return view._replace(logit_rows=logits, feature_rows=features)


def test_a_cache_of_eight_bits_teaches_the_same_within_its_steps(world: World, cache: HandMadeCache) -> None:
    packed = PackedCache(world, cache.chosen)
    predictions = SoftenedPredictions(temperature=1.0, class_temperature=1.0, detection_temperature=1.0)
    params = _params("regions", predictions=predictions)
    batch = CachedFeatures(world.rows, packed, params)(VIEWS)
    wanted = CachedFeatures(world.rows, cache, params)(VIEWS)
    for name in ("features", "region_targets", "teacher_scores"):
        assert batch[name].dtype == torch.float32
        assert not torch.equal(batch[name], wanted[name]), "nothing was packed"
        torch.testing.assert_close(batch[name], wanted[name], rtol=0, atol=1 / 255)
    for name in ("rois", "objectness", "confidence", "labels"):
        torch.testing.assert_close(batch[name], wanted[name], rtol=0, atol=0)


def test_the_most_confident_regions_alone(world: World, cache: HandMadeCache) -> None:
    batch = CachedFeatures(world.rows, cache, _params("regions", rois=1))(VIEWS)
    assert batch["rois"][:, 0].tolist() == [0, 1]
    assert batch["confidence"].tolist() == [1, 1]
    assert {len(value) for value in batch.values()} == {2}


@pytest.mark.parametrize("hidden", [None, 10])
def test_recipe_release(world: World, cache: HandMadeCache, hidden: int | None) -> None:
    # RoI max-pooling times objectness, all RoIs alike, and the plain Euclidean loss.
    student = _student(hidden=hidden)
    batch = _batch(world, cache, student)
    objective = feature_objective(student, _params("release"), FEATURES)
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
    objective = feature_objective(student, _params("paper"), FEATURES)
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
    batch["known"][1, 2] = False
    params = _params("regions", feature_weight=2.0, region_weight=0.5, label_weight=3.0)
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
    objective = feature_objective(student, _params(**params), FEATURES)  # type: ignore[arg-type]
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
        objective = feature_objective(student, _params(recipe), teacher_width)
        widths = student.backbone.widths() if recipe == "paper" else [width]
        kinds = [type(projection) for projection in objective.projections]
        same = [one == teacher_width and recipe != "regions" for one in widths]
        assert kinds == [nn.Identity if each else nn.Linear for each in same]
    assert not any("projection" in name for name in student.state_dict())


@pytest.mark.parametrize("recipe", ["release", "paper", "regions"])
def test_stage_1_comes_nearer_to_the_teacher(world: World, cache: HandMadeCache, recipe: str) -> None:
    params = TRAINING.model_copy(update={"epochs": 5, "learning_rate": 1e-2})
    extras = CachedFeatures(world.rows, cache, _params(recipe))
    _, curves = train(
        lambda: feature_objective(Student(STUDENT, 3), _params(recipe), FEATURES), world, extras, params
    )
    losses = curves.of("train/features")
    assert losses[-1] < 0.8 * losses[0]


def test_the_teacher_s_predictions_already_in_stage_1(world: World, cache: HandMadeCache) -> None:
    soft = {"temperature": 3.0, "class_temperature": 0.5, "detection_temperature": 0.7, "teacher_weight": 2.0}
    params = _params("regions", predictions=soft)
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


def test_stage_2(world: World, cache: HandMadeCache) -> None:
    params = DistillPredictionsParams(
        temperature=5.0, label_weight=0.5, teacher_weight=2.0, detection_temperature=0.7, training=TRAINING
    )
    student = _student()
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


def test_vgg16s_own_layers_see_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    # fc6 and fc7 stand in for VGG16's: they take seven bins, pooled to the maximum (release).
    student = _student()
    student.fully_connected = nn.Sequential(nn.Flatten(), nn.Linear(student.backbone.channels * 49, 4096))
    student.feature_dim = 4096
    objective = feature_objective(student, _params("release"), 4096)
    assert isinstance(objective.projections[0], nn.Identity)
    feature_map = torch.rand(1, student.backbone.channels, 4, 4)
    rois = torch.tensor([[0, 0, 0, 32, 32.0]])
    monkeypatch.setattr(student.backbone, "maps", lambda stem: [stem])
    teacher = torch.rand(1, 4096)
    batch = {"stem": feature_map, "rois": rois, "features": teacher, "confidence": torch.ones(1)}
    losses = objective({**batch, "objectness": torch.tensor([0.5])})
    pooled = 0.5 * pool_regions(feature_map, rois, 7, 1 / 8, "max")
    torch.testing.assert_close(losses["features"], feature_loss(student.fully_connected(pooled), teacher))


def test_baseline_and_student_start_from_the_same_weights() -> None:
    # Both stages seed by student.seed right before; a baseline builds no projection.
    params = StudentParams(network=STUDENT.network, input_size=32, hidden=10, seed=3)
    states = []
    for wrap in (lambda s: s, lambda s: feature_objective(s, _params("regions"), FEATURES)):
        seed_all(params.seed)
        student = Student(params, 3)
        wrap(student)
        states.append(student.state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())

"""Optimiser, schedule and steps: a batch in parts, as memory asks for, is the batch."""

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.training.small_world import (
    CLASSES,
    FEATURES,
    STUDENT,
    TRAINING,
    HandMadeCache,
    World,
    make_world,
    train,
)
from wsdkd.distill.features import feature_objective
from wsdkd.distill.from_cache import CachedFeatures
from wsdkd.distill.params import DistillFeaturesParams
from wsdkd.ground.errors import UserError
from wsdkd.student.learning import LabelObjective
from wsdkd.student.network import Student
from wsdkd.training.learner import build_optimizer, build_schedule
from wsdkd.training.loader import Labels
from wsdkd.training.params import Optimisation
from wsdkd.training.views import BatchParts, EpochViews


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def _changed(params: Optimisation, **fields: object) -> Optimisation:
    return params.model_copy(update=fields)


def test_a_new_layer_learns_faster() -> None:
    model = nn.ModuleDict({"old": nn.Linear(2, 2), "new": nn.Linear(2, 2), "frozen": nn.Linear(2, 2)})
    model["frozen"].requires_grad_(False)
    params = _changed(TRAINING, head_multiplier=10.0, weight_decay=0.5)
    groups = build_optimizer(model, [model["new"]], params).param_groups
    found = {
        name: (group["lr"], group["weight_decay"])
        for name, parameter in model.named_parameters()
        for group in groups
        if any(parameter is member for member in group["params"])
    }
    assert found == {
        "old.weight": (3e-3, 0.5),
        "old.bias": (3e-3, 0.0),
        "new.weight": (pytest.approx(3e-2), 0.5),
        "new.bias": (pytest.approx(3e-2), 0.0),
    }


def test_the_schedule_step_divides_by_ten_after_the_epochs_named() -> None:
    params = _changed(TRAINING, optimizer="sgd", schedule="step", step_epochs=(1, 2), learning_rate=1.0)
    optimizer = build_optimizer(nn.Linear(2, 2), [], params)
    schedule = build_schedule(optimizer, params, steps_per_epoch=2)
    rates = []
    for _ in range(6):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


@pytest.mark.parametrize("recipe", ["release", "paper", "regions"])
def test_a_batch_in_parts_trains_as_the_whole(world: World, recipe: str) -> None:
    # All stages are frozen, so that none takes statistics of a part. Images have unequal numbers of regions,
    # over which losses average; of five images the last part has one alone.
    network = STUDENT.network.model_copy(update={"frozen_stages": 3})
    student = STUDENT.model_copy(update={"network": network, "hidden": 10})
    cache = HandMadeCache(world, lambda image: 1 + image % 3)
    trained = []
    for parts in (1, 3):
        training = _changed(TRAINING, optimizer="sgd", schedule="constant", batch_size=5, accumulate=parts)
        params = DistillFeaturesParams.model_validate(
            {"recipe": recipe, "label_weight": 1.0, "region_weight": 2.0, "training": training}
        )
        trained.append(
            train(
                lambda params=params: feature_objective(Student(student, len(CLASSES)), params, FEATURES),
                world,
                CachedFeatures(world.rows, cache, params),
                training,
            )
        )
    (whole, losses), (in_parts, same) = trained
    for name in {name for _, name, _ in losses.logged}:
        assert same.of(name) == pytest.approx(losses.of(name), rel=1e-5)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(in_parts.state_dict()[name], value, rtol=1e-4, atol=1e-5)


def test_parts_hold_every_image_of_their_batch() -> None:
    views = EpochViews(13, 6, [64], 1, range(2))
    parts = BatchParts(views, 4)
    assert len(parts) == 4 * len(views) == 16
    for place, batch in enumerate(views):
        own = parts[4 * place : 4 * place + 4]
        assert sorted(view for part in own for view in part) == sorted(batch)
        assert [len(part) for part in own] == [2, 2, 1, 1]


def test_more_parts_than_images_in_a_batch(world: World) -> None:
    with pytest.raises(
        UserError, match=r"1 processes share each batch, each in 5 parts, and one of 4 images"
    ):
        train(
            lambda: LabelObjective(Student(STUDENT, 3)),
            world,
            Labels(world.rows, 3),
            _changed(TRAINING, accumulate=5),
        )

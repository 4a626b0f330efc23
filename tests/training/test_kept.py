"""What a training leaves behind: averaged weights, the best epoch, both after an interruption."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.training.small_world import (
    CLASSES,
    STUDENT,
    TRAINING,
    Curves,
    World,
    fresh_start,
    make_world,
    same_weights,
)
from wsdkd.distill.params import DistillFeaturesParams
from wsdkd.ground.errors import UserError
from wsdkd.settings.sections import ParamsError, parse_section
from wsdkd.student.learning import LabelObjective, labels_of
from wsdkd.student.network import Student
from wsdkd.training import loop
from wsdkd.training.course import Images
from wsdkd.training.kept import MAP, Kept, RunningAverage
from wsdkd.training.loop import Phase, Task, fit, validator
from wsdkd.training.params import Optimisation
from wsdkd.training.processes import seed_all
from wsdkd.training.record import Record, Resume

LONGER = TRAINING.model_copy(update={"epochs": 5, "learning_rate": 1e-2})


def _changed(**fields: object) -> Optimisation:
    return LONGER.model_copy(update=fields)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


class _Stopped(Exception):
    pass


def _train(
    world: World,
    params: Optimisation,
    scores: list[float] | None = None,
    resume: Resume | None = None,
    stop_after: int | None = None,
) -> tuple[Student, list[dict[str, torch.Tensor]]]:
    """A student, and its weights as each validation saw them."""
    accelerator = fresh_start(params)
    seed_all(0)
    student, seen = Student(STUDENT, len(CLASSES)), []
    task = labels_of(world.rows, student, Images(world.root, CLASSES, world.rows, []))

    def validate() -> dict[str, float]:
        if len(seen) == stop_after:
            raise _Stopped
        assert not student.training
        seen.append({name: value.clone() for name, value in student.state_dict().items()})
        return {MAP: scores[len(seen) - 1]} if scores else {}

    record = Record("test", Curves(), resume or Resume(None), validate)  # type: ignore[arg-type]
    fit(Phase(task, params), record, accelerator)
    return student, seen


def _equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_an_average_is_the_weighted_sum_of_all_steps() -> None:
    model = nn.Linear(1, 1, bias=False)
    average, weights, expected = RunningAverage(model, 0.5), [3.0, 5.0, -2.0, 8.0], 0.0
    for step, weight in enumerate(weights, start=1):
        with torch.no_grad():
            model.weight.fill_(weight)
        average.update(model)
        decay = min(1 - step ** (-2 / 3), 0.5)
        expected = decay * expected + (1 - decay) * weight
    average.exchange(model)
    assert model.weight.item() == pytest.approx(expected)
    average.exchange(model)
    assert model.weight.item() == 8.0


def test_averaged_weights_are_validated_and_kept(world: World) -> None:
    plain, at_each_epoch = _train(world, LONGER)
    averaged, shown = _train(world, _changed(average_decay=0.9))
    assert same_weights(plain, _with(at_each_epoch[-1]))
    assert same_weights(averaged, _with(shown[-1]))
    assert not _equal(shown[-1], at_each_epoch[-1])
    # It learns from the weights themselves: with no decay at all the average is these.
    _, same = _train(world, _changed(average_decay=0.0))
    for first, second in zip(same, at_each_epoch, strict=True):
        for name, value in first.items():
            torch.testing.assert_close(value, second[name])


def test_the_best_epoch_is_kept(world: World) -> None:
    scores = [10.0, 40.0, 30.0, 40.0, 20.0]
    for decay in (None, 0.9):
        student, seen = _train(world, _changed(keep="best", average_decay=decay), scores)
        # Of equal ones the first.
        assert _equal(student.state_dict(), seen[1])
        assert not _equal(student.state_dict(), seen[4])


def test_an_interrupted_training_keeps_the_same(world: World, tmp_path: Path) -> None:
    params, scores = _changed(keep="best", average_decay=0.9), [10.0, 20.0, 30.0, 50.0, 40.0]
    whole, _ = _train(world, params, scores)
    resume = Resume(tmp_path / "states")
    with pytest.raises(_Stopped):
        _train(world, params, scores, resume, stop_after=2)
    resumed, seen = _train(world, params, scores[2:], resume)
    assert len(seen) == 3
    assert same_weights(whole, resumed)
    # The best may lie before the interruption.
    first_best = [60.0, *scores[1:]]
    expected, _ = _train(world, params, first_best)
    resume = Resume(tmp_path / "others")
    with pytest.raises(_Stopped):
        _train(world, params, first_best, resume, stop_after=2)
    again, _ = _train(world, params, first_best[2:], resume)
    assert same_weights(expected, again)


def test_without_either_nothing_is_copied() -> None:
    kept = Kept(nn.Linear(2, 2), TRAINING)
    kept.step()
    kept.consider({})
    assert kept.state_dict() == {}


def test_the_map_of_a_validation_is_that_of_the_network(world: World) -> None:
    accelerator = fresh_start(LONGER)
    student = Student(STUDENT, len(CLASSES)).eval()
    images = Images(world.root, CLASSES, world.rows, world.rows)
    task = labels_of(world.rows, student, images)
    found = validator(task, 5, accelerator, measures=True)()
    assert found.keys() == {"labels", MAP}
    pictures = task.pictures.load([loop.plain_batches(12, 12, 32)[0][n] for n in range(12)])
    with torch.no_grad():
        scores = student(pictures).numpy()
    precisions = []
    for label in range(len(CLASSES)):
        ranked = np.array([label in world.rows[place].labels for place in np.argsort(-scores[:, label])])
        precisions.append(np.mean((np.cumsum(ranked) / np.arange(1, 13))[ranked]))
    assert found[MAP] == pytest.approx(100 * np.mean(precisions))
    assert validator(task, 5, accelerator)() == {"labels": found["labels"]}


@pytest.mark.parametrize("watched", [None, "no images", "no labels"])
def test_the_best_epoch_of_no_labelled_image(world: World, tmp_path: Path, watched: str | None) -> None:
    accelerator = fresh_start(LONGER)
    student = Student(STUDENT, len(CLASSES))
    bare = [type(row)(row.image_id, row.path, 48, 32, "val", (), (), "") for row in world.rows[:2]]
    images = Images(world.root, CLASSES, world.rows, bare)
    validation: Task | None = None
    if watched is not None:
        validation = labels_of(bare if watched == "no labels" else [], student, images)
    phases = [Phase(labels_of(world.rows, student, images), _changed(keep="best"))]
    training = loop.Training("student", phases, validation, tmp_path / "curves", Resume(None), save=dict)
    with pytest.raises(UserError, match=r"student: training\.keep: best needs validation images with labels"):
        loop.train(training, accelerator)


def test_stage_1_without_labels_has_no_best_epoch() -> None:
    fields: dict[str, Any] = {"label_weight": 0.0, "training": {"epochs": 2, "keep": "best"}}
    with pytest.raises(ParamsError, match=r"keep: best is told by labels, so that label_weight must"):
        parse_section({"distill_features": fields}, "distill_features", DistillFeaturesParams)
    fields["label_weight"] = 1.0
    assert parse_section({"distill_features": fields}, "distill_features", DistillFeaturesParams)


def _with(weights: dict[str, torch.Tensor]) -> Student:
    student = Student(STUDENT, len(CLASSES))
    student.load_state_dict(weights)
    return student


def test_an_objective_that_is_not_validated_says_so() -> None:
    assert LabelObjective(Student(STUDENT, len(CLASSES))).examines()
    assert not loop.Objective().examines()
    with pytest.raises(NotImplementedError):
        loop.Objective().examine({})

"""Training in bfloat16, and in float16 with scaled losses as far as a CPU goes."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

import wsdkd.distill.features
import wsdkd.networks.roi_pooling
import wsdkd.teacher.learning
from tests.training import small_world
from tests.training.small_world import (
    CLASSES,
    FEATURES,
    STUDENT,
    TEACHER,
    TRAINING,
    HandMadeCache,
    World,
    make_world,
    train,
)
from wsdkd.distill.features import feature_objective
from wsdkd.distill.from_cache import CachedFeatures
from wsdkd.distill.params import DistillFeaturesParams
from wsdkd.student.learning import LABEL_LOSSES, LabelObjective, label_loss
from wsdkd.student.network import Student
from wsdkd.teacher.learning import RegionsAndLabels, TeacherObjective
from wsdkd.teacher.network import Wsddn
from wsdkd.training.loader import Batch, Labels
from wsdkd.training.loop import Phase, Task, fit
from wsdkd.training.params import Optimisation
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import seed_all, start
from wsdkd.training.record import Resume

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
LOSSES = {
    wsdkd.teacher.learning: ["wsddn_loss"],
    wsdkd.distill.features: ["feature_loss", "relative_feature_loss", "region_loss"],
    wsdkd.networks.roi_pooling: ["align_by_products", "roi_pool"],
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def _start(params: Optimisation, scale: float = 2.0**10) -> Accelerator:
    """As ``start`` does, but fp16 on a CPU too, with what accelerate adds on a GPU."""
    AcceleratorState._reset_state(True)
    if params.precision != "fp16":
        return start(params)
    seed_all(params.seed)
    accelerator = Accelerator(cpu=True, mixed_precision="fp16")
    accelerator.native_amp, accelerator.scaler = True, torch.amp.GradScaler("cpu", init_scale=scale)
    return accelerator


def _train_with(
    accelerator: Accelerator, world: World, params: Optimisation, resume: Resume
) -> tuple[LabelObjective, small_world.Curves]:
    seed_all(0)
    objective, curves = LabelObjective(Student(STUDENT, len(CLASSES))), small_world.Curves()
    task = Task(objective, Pictures(world.rows, world.root, [32]), Labels(world.rows, len(CLASSES)))
    fit(Phase(task, params), small_world.record_in(curves, resume), accelerator)
    return objective, curves


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_frozen_stages_compute_in_the_trainings_precision(
    world: World, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[torch.dtype] = set()
    classify = LabelObjective.forward

    def spied(objective: LabelObjective, batch: Batch) -> dict[str, torch.Tensor]:
        seen.add(batch["stem"].dtype)
        return classify(objective, batch)

    monkeypatch.setattr(LabelObjective, "forward", spied)
    frozen = STUDENT.network.model_copy(update={"frozen_stages": 2})
    params = TRAINING.model_copy(update={"precision": precision, "epochs": 2})
    accelerator = _start(params)
    objective = LabelObjective(Student(STUDENT.model_copy(update={"network": frozen}), len(CLASSES)))
    task = Task(objective, Pictures(world.rows, world.root, [32]), Labels(world.rows, len(CLASSES)))
    curves = small_world.Curves()
    fit(Phase(task, params), small_world.record_in(curves), accelerator)
    assert seen == {HALF.get(precision, torch.float32)}
    assert all(math.isfinite(value) for _, _, value in curves.logged)


def _spy(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[Any]]:
    # The types of all floating tensors that RoI operations and losses are given, by function.
    seen: dict[str, set[Any]] = {}
    for module, names in LOSSES.items():
        for name in names:
            monkeypatch.setattr(module, name, _watched(getattr(module, name), seen.setdefault(name, set())))
    watched = _watched(label_loss, seen.setdefault("label_loss", set()))
    monkeypatch.setitem(LABEL_LOSSES, "cross_entropy", watched)
    return seen


def _watched(function: Callable[..., torch.Tensor], seen: set[Any]) -> Callable[..., torch.Tensor]:
    def watched(*args: Any, **kwargs: Any) -> torch.Tensor:
        result = function(*args, **kwargs)
        tensors = [value for value in (*args, result) if isinstance(value, torch.Tensor)]
        seen.update(value.dtype for value in tensors if value.is_floating_point())
        return result

    return watched


class _Seeing:
    """Notes the type of the last stage's feature map."""

    def __init__(self) -> None:
        self.types: set[torch.dtype] = set()

    def watch(self, objective: Any) -> Any:
        objective.backbone.stages[-1].register_forward_hook(lambda _, __, out: self.types.add(out.dtype))
        return objective


@pytest.mark.parametrize("pooling", ["align", "max"])
@pytest.mark.parametrize("precision", HALF)
def test_the_teacher_s_regions_and_loss_stay_in_single_precision(
    world: World, precision: str, pooling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_world, "fresh_start", _start)
    seen, maps = _spy(monkeypatch), _Seeing()
    params = TEACHER.model_copy(update={"roi": TEACHER.roi.model_copy(update={"pooling": pooling})})
    objective, curves = train(
        lambda: maps.watch(TeacherObjective(Wsddn(params, len(CLASSES)), params)),
        world,
        RegionsAndLabels(world.rows, len(CLASSES), world.proposals, 3),
        TRAINING.model_copy(update={"precision": precision, "epochs": 1}),
    )
    assert maps.types == {HALF[precision]}
    assert (
        seen["wsddn_loss"] == seen["roi_pool" if pooling == "max" else "align_by_products"] == {torch.float32}
    )
    assert all(value.dtype == torch.float32 and value.isfinite().all() for value in objective.parameters())
    assert torch.isfinite(torch.tensor(curves.of("train/wsddn"))).all()


@pytest.mark.parametrize("recipe", ["release", "paper", "regions"])
@pytest.mark.parametrize("precision", HALF)
def test_the_student_s_regions_and_losses_stay_in_single_precision(
    world: World, precision: str, recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_world, "fresh_start", _start)
    seen, maps = _spy(monkeypatch), _Seeing()
    training = TRAINING.model_copy(update={"precision": precision, "epochs": 1})
    params = DistillFeaturesParams.model_validate(
        {"recipe": recipe, "region_weight": 1.0, "label_weight": 1.0, "training": training}
    )
    supervision = CachedFeatures(world.rows, HandMadeCache(world), params)
    train(
        lambda: maps.watch(feature_objective(Student(STUDENT, len(CLASSES)), params, FEATURES)),
        world,
        supervision,
        training,
    )
    assert maps.types == {HALF[precision]}
    called = {name for name, types in seen.items() if types}
    assert called >= {
        "region_loss",
        "label_loss",
        "relative_feature_loss" if recipe == "regions" else "feature_loss",
    }
    assert all(types <= {torch.float32} for types in seen.values())


def test_half_precision_learns_a_tiny_problem(world: World) -> None:
    params = TRAINING.model_copy(update={"precision": "fp16", "epochs": 12, "learning_rate": 1e-2})
    _, curves = _train_with(_start(params), world, params, Resume(None))
    losses = curves.of("train/labels")
    assert losses[-1] < 0.5 * losses[0]


def test_a_step_beyond_half_precision_is_left_out(world: World) -> None:
    # Gradients scaled so far overflow; the scale is halved until they do not.
    params = TRAINING.model_copy(update={"precision": "fp16", "epochs": 2})
    accelerator = _start(params, scale=2.0**40)
    steps: list[float] = []

    class _Counting(torch.optim.lr_scheduler.LambdaLR):
        def step(self, epoch: int | None = None) -> None:
            steps.append(1)
            super().step(epoch)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(torch.optim.lr_scheduler, "LambdaLR", _Counting)
        constant = params.model_copy(update={"schedule": "constant"})
        after, _ = _train_with(accelerator, world, constant, Resume(None))
    assert accelerator.scaler is not None
    assert accelerator.scaler.get_scale() == 2.0**34  # six steps
    assert len(steps) == 1  # the schedule's own first one
    seed_all(0)
    before = LabelObjective(Student(STUDENT, len(CLASSES)))
    kept = dict(before.named_parameters())
    assert all(torch.equal(value, kept[name]) for name, value in after.named_parameters())


def test_a_training_that_goes_on_keeps_its_scale(world: World, tmp_path: Path) -> None:
    params = TRAINING.model_copy(update={"precision": "fp16", "schedule": "constant", "epochs": 3})
    resume = Resume(tmp_path / "resume")
    _train_with(_start(params, scale=2.0**8), world, params.model_copy(update={"epochs": 2}), resume)
    onward = _start(params)
    _train_with(onward, world, params, resume)
    assert onward.scaler is not None
    assert onward.scaler.get_scale() == 2.0**8

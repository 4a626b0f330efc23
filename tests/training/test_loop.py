import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.training.small_world import (
    CLASSES,
    STUDENT,
    TEACHER,
    TRAINING,
    World,
    fresh_start,
    make_world,
    same_weights,
    train,
)
from wsdkd.ground.errors import UserError
from wsdkd.student.learning import LabelObjective
from wsdkd.student.network import Student
from wsdkd.teacher.learning import RegionsAndLabels, TeacherObjective
from wsdkd.teacher.network import Wsddn
from wsdkd.training.loader import Labels
from wsdkd.training.params import Optimisation
from wsdkd.training.pictures import MEMORY_VARIABLE
from wsdkd.training.processes import seed_all
from wsdkd.training.views import View

FROZEN = STUDENT.model_copy(update={"network": STUDENT.network.model_copy(update={"frozen_stages": 2})})


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def _student(params: object = STUDENT) -> LabelObjective:
    return LabelObjective(Student(params, len(CLASSES)))  # type: ignore[arg-type]


def _labels(world: World) -> Labels:
    return Labels(world.rows, len(CLASSES))


def _teacher() -> TeacherObjective:
    return TeacherObjective(Wsddn(TEACHER, len(CLASSES)), TEACHER)


def _changed(params: Optimisation, **fields: object) -> Optimisation:
    return params.model_copy(update=fields)


def test_a_student_learns_a_tiny_problem(world: World) -> None:
    params = _changed(TRAINING, epochs=12, learning_rate=1e-2)
    objective, curves = train(_student, world, _labels(world), params)
    losses = curves.of("train/labels")
    assert len(losses) == 12
    assert losses[-1] < 0.5 * losses[0]
    assert not objective.training


def test_a_teacher_learns_a_tiny_problem(world: World) -> None:
    params = _changed(TRAINING, epochs=12, learning_rate=1e-2)
    supervision = RegionsAndLabels(world.rows, len(CLASSES), world.proposals, 3)
    _, curves = train(_teacher, world, supervision, params)
    losses = curves.of("train/wsddn")
    assert losses[-1] < 0.6 * losses[0]
    assert not curves.of("train/refinement")


def test_branches_of_refinement_learn_along(world: World) -> None:
    teacher = TEACHER.model_copy(update={"refinements": 2})
    supervision = RegionsAndLabels(world.rows, len(CLASSES), world.proposals, 3)
    objective, curves = train(
        lambda: TeacherObjective(Wsddn(teacher, len(CLASSES)), teacher),
        world,
        supervision,
        _changed(TRAINING, epochs=12, learning_rate=1e-2),
    )
    assert curves.of("train/wsddn")[-1] < 0.6 * curves.of("train/wsddn")[0]
    assert len(curves.of("train/refinement")) == 12
    batch = supervision([View(row, False, 32) for row in range(len(world.rows))])
    batch["stem"] = objective.backbone.stem(torch.zeros(len(world.rows), 3, 32, 32, dtype=torch.uint8))
    objective(batch)["refinement"].backward()
    for branch in objective.teacher.refinements:
        assert branch.weight.grad.any()
    assert any(
        each.grad is not None and each.grad.any() for each in objective.teacher.fully_connected.parameters()
    )


def test_the_same_seed_gives_the_same_weights(world: World) -> None:
    supervision = RegionsAndLabels(world.rows, len(CLASSES), world.proposals, 3)
    first, _ = train(_teacher, world, supervision)
    again, _ = train(_teacher, world, supervision)
    other, _ = train(_teacher, world, supervision, _changed(TRAINING, seed=2))
    assert same_weights(first, again)
    assert not same_weights(first, other)


def test_frozen_stages_are_bitwise_the_same_after_training(world: World) -> None:
    objective, _ = train(
        lambda: _student(FROZEN), world, _labels(world), _changed(TRAINING, weight_decay=0.1)
    )
    seed_all(0)
    fresh = _student(FROZEN)
    trained, initial = objective.backbone.state_dict(), fresh.backbone.state_dict()
    for name, value in trained.items():
        stage = int(name.split(".")[1])
        if stage < 2 or not name.endswith("num_batches_tracked"):
            assert torch.equal(value, initial[name]) == (stage < 2), name


@pytest.mark.parametrize("memory", ["2", "0"])
def test_the_way_pictures_are_kept_changes_nothing(
    world: World, memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 2: stem features in memory. 0: worker processes decode, and the stem is computed again.
    monkeypatch.setenv("WSDKD_WORKERS", "2")
    monkeypatch.setenv(MEMORY_VARIABLE, "1e-4")  # pictures in memory, not the stem
    expected, _ = train(lambda: _student(FROZEN), world, _labels(world))
    monkeypatch.setenv(MEMORY_VARIABLE, memory)
    found, _ = train(lambda: _student(FROZEN), world, _labels(world))
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("memory", ["2", "0"])  # decoded by this process, and by workers
def test_a_photograph_that_is_gone_or_broken_since_is_named_in_a_line(
    world: World, memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSDKD_WORKERS", "2")
    monkeypatch.setenv(MEMORY_VARIABLE, memory)
    path = world.root / world.rows[5].path
    for left, reason in (
        (path.read_bytes()[:-40], "cannot be decoded: .*"),
        (None, "cannot be read: No such file or directory"),
    ):
        path.unlink() if left is None else path.write_bytes(left)
        message = rf"^{re.escape(str(path))}: {reason}; the dataset has changed, run: dvc repro$"
        with pytest.raises(UserError, match=message) as told:
            train(_student, world, _labels(world))
        assert "\n" not in str(told.value)


@pytest.mark.parametrize("value", ["much", "-1", "inf", "nan"])
def test_a_wrong_amount_of_memory(world: World, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MEMORY_VARIABLE, value)
    with pytest.raises(UserError, match=f"{MEMORY_VARIABLE}={value}: expected a number of gigabytes"):
        train(_student, world, _labels(world))


def test_bfloat16_trains_on_a_cpu(world: World) -> None:
    params = _changed(TRAINING, precision="bf16", epochs=1)
    supervision = RegionsAndLabels(world.rows, len(CLASSES), world.proposals, 3)
    for make, what in ((_student, _labels(world)), (_teacher, supervision)):
        objective, curves = train(make, world, what, params)  # type: ignore[arg-type]
        assert {value.dtype for value in objective.parameters()} == {torch.float32}
        assert all(torch.isfinite(value).all() for value in objective.parameters())
        assert len(curves.logged) == 1


def test_two_trainings_in_a_row_with_bfloat16(world: World) -> None:
    # As the baseline does: the second must not run through the first one's wrappers.
    params = _changed(TRAINING, precision="bf16", epochs=1)
    objective, _ = train(_student, world, _labels(world), params)
    train(lambda: objective, world, _labels(world), params)
    # Unwrapped of what checks its types in tests, as accelerate unwraps it too.
    assert objective.forward.__func__ is inspect.unwrap(LabelObjective.forward)
    assert "_original_forward" not in vars(objective)


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens without a GPU")
def test_half_precision_needs_a_gpu() -> None:
    with pytest.raises(UserError, match=r"training\.precision: fp16 needs a GPU"):
        fresh_start(_changed(TRAINING, precision="fp16"))


def test_fewer_images_than_a_batch_still_train(world: World) -> None:
    _, curves = train(_student, world, _labels(world), _changed(TRAINING, batch_size=100))
    assert len(curves.of("train/labels")) == TRAINING.epochs


def test_losses_are_read_back_once_an_epoch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # A GPU would stand still for each reading.
    reads = []
    for name in ("item", "tolist", "__float__", "__bool__"):
        original = getattr(torch.Tensor, name)

        def counting(tensor: torch.Tensor, original: Callable[..., object] = original) -> object:
            reads.append(original)
            return original(tensor)

        monkeypatch.setattr(torch.Tensor, name, counting)
    counts = []
    for batch_size in (6, 2):
        reads.clear()
        _, curves = train(_student, world, _labels(world), _changed(TRAINING, batch_size=batch_size))
        counts.append(len(reads))
        assert len(curves.of("train/labels")) == TRAINING.epochs
    assert counts[0] == counts[1] > 0


def test_too_little_memory_on_a_gpu(world: World) -> None:
    class _Large(LabelObjective):
        def forward(self, _: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            raise torch.OutOfMemoryError("CUDA out of memory.\nSee the documentation")

    said = (
        r"test: the GPU's memory .* raise training\.accumulate, now 1 .* training\.recompute: true, .* now 4,"
    )
    with pytest.raises(UserError, match=said):
        train(lambda: _Large(Student(STUDENT, 3)), world, _labels(world))


def test_each_batch_takes_one_of_the_sizes(world: World) -> None:
    seen = []

    class _Seeing(LabelObjective):
        def forward(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            seen.append(tuple(batch["stem"].shape[2:]))
            return super().forward(batch)

    train(lambda: _Seeing(Student(STUDENT, 3)), world, _labels(world), sizes=(24, 32))
    assert set(seen) == {(24, 24), (32, 32)}

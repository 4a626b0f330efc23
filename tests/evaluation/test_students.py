"""Both students side by side, against each alone, and how often their shared layers look."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.small_world import CLASSES, STUDENT, World, make_world
from wsdkd.data.images import load_square
from wsdkd.evaluation.students import MOST_CELLS, StudentSaid, students_said
from wsdkd.networks.backbones import Backbone
from wsdkd.networks.decoding import as_batch
from wsdkd.networks.params import InferencePrecision
from wsdkd.student.heat import class_heat, heat_of_logits
from wsdkd.student.network import LoadedStudent, Student
from wsdkd.student.run import student_outputs

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


def made(seed: int, frozen: int = 2, size: int = 32, hidden: int | None = 8) -> LoadedStudent:
    """A student whose layers behind two stages are of a seed, and so are those before unless frozen."""
    network = STUDENT.network.model_copy(update={"frozen_stages": frozen})
    params = STUDENT.model_copy(update={"network": network, "input_size": size, "hidden": hidden})
    torch.manual_seed(0)
    model = Student(params, len(CLASSES))
    torch.manual_seed(seed)
    for name, value in model.named_parameters():
        if value.requires_grad:
            torch.nn.init.normal_(value, std=0.1 if name.endswith("weight") else 0.0)
    return LoadedStudent(model.eval(), params, CLASSES)


def said(
    world: World,
    students: dict[str, LoadedStudent],
    most_cells: int = MOST_CELLS,
    precision: InferencePrecision = "fp32",
) -> dict[str, StudentSaid]:
    return students_said(
        students,
        world.rows,
        world.root,
        batch_size=4,
        device=CPU,
        precision=precision,
        most_cells=most_cells,
        description=None,
    )


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Pictures in each pass through frozen layers, as they come."""
    seen: list[int] = []
    original: Callable[[Backbone, torch.Tensor], torch.Tensor] = Backbone.stem

    def noting(self: Backbone, images: torch.Tensor) -> torch.Tensor:
        seen.append(len(images))
        return original(self, images)

    monkeypatch.setattr(Backbone, "stem", noting)
    return seen


CASES: dict[str, tuple[dict[str, Any], int]] = {
    "the same frozen layers": ({}, 1),
    "nothing is frozen": ({"frozen": 0}, 2),
    "other sizes": ({"size": 48}, 2),
    "another number of frozen layers": ({"frozen": 1}, 2),
}


@pytest.mark.parametrize(("changed", "times"), CASES.values(), ids=CASES)
def test_each_says_what_it_says_alone_and_shared_layers_look_once(
    world: World, looks: list[int], changed: dict[str, Any], times: int
) -> None:
    students = {"baseline": made(1, **changed), "student": made(2)}
    if changed == {"frozen": 0}:
        students["student"] = made(2, **changed)
    found = said(world, students)
    assert sum(looks) == times * len(world.rows)
    for name, student in students.items():
        alone = student_outputs(student, world.rows, world.root, batch_size=4, device=CPU, description=None)
        np.testing.assert_array_equal(found[name].logits, alone.logits)
        np.testing.assert_array_equal(found[name].scores, alone.scores)
    assert not np.array_equal(found["baseline"].logits, found["student"].logits)


def test_frozen_layers_that_were_trained_apart_are_not_shared(world: World, looks: list[int]) -> None:
    other = made(1)
    statistics = dict(other.model.backbone.stages[0].named_buffers())
    next(value for name, value in statistics.items() if name.endswith("running_mean")).add_(0.5)
    found = said(world, {"baseline": other, "student": made(1)})
    assert sum(looks) == 2 * len(world.rows)
    assert not np.array_equal(found["baseline"].logits, found["student"].logits)


def test_kept_cells_give_the_heat_of_a_second_look(world: World) -> None:
    student = made(1)
    cells = said(world, {"student": student})["student"].cells
    assert cells is not None
    assert cells.shape == (len(world.rows), len(CLASSES), 8, 8)
    pictures = as_batch([load_square(world.root / row.path, 32) for row in world.rows])
    for place, heat in enumerate(class_heat(student.model, pictures, [[2, 0]] * len(world.rows))):
        np.testing.assert_allclose(heat_of_logits(cells[place, [2, 0]]), heat, atol=1e-5)


def test_cells_are_kept_where_there_is_room_and_in_single_precision(world: World) -> None:
    students = {"baseline": made(1), "student": made(2)}
    needed = 2 * len(world.rows) * len(CLASSES) * 8 * 8
    kept, none, half = (
        [one.cells is not None for one in found.values()]
        for found in (
            said(world, students, needed),
            said(world, students, needed - 1),
            said(world, students, precision="bf16"),
        )
    )
    assert (kept, none, half) == ([True, True], [False, False], [False, False])

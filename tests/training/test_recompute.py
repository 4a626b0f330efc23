"""What is inside a stage is computed again for its gradients: less is kept, and the same is trained."""

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
    make_world,
    same_weights,
    train,
)
from wsdkd.networks.families import build_backbone
from wsdkd.networks.params import Network
from wsdkd.student.learning import LabelObjective
from wsdkd.student.network import Student
from wsdkd.teacher.learning import RegionsAndLabels, TeacherObjective
from wsdkd.teacher.network import Wsddn
from wsdkd.training.learner import Objective
from wsdkd.training.loader import Labels, Supervision
from wsdkd.training.params import Optimisation


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def _student(world: World) -> tuple[Callable[[], Objective], Supervision]:
    return lambda: LabelObjective(Student(STUDENT, len(CLASSES))), Labels(world.rows, len(CLASSES))


def _teacher(world: World) -> tuple[Callable[[], Objective], Supervision]:
    return (
        lambda: TeacherObjective(Wsddn(TEACHER, len(CLASSES)), TEACHER),
        RegionsAndLabels(world.rows, len(CLASSES), world.proposals, 20),
    )


@pytest.mark.parametrize("network", [_student, _teacher])
def test_the_same_is_trained(
    world: World, network: Callable[[World], tuple[Callable[[], Objective], Supervision]]
) -> None:
    make, supervision = network(world)
    keeping: Optimisation = TRAINING.model_copy(update={"epochs": 2})
    kept, losses = train(make, world, supervision, keeping)
    again, same = train(make, world, supervision, keeping.model_copy(update={"recompute": True}))
    for name in {name for _, name, _ in losses.logged}:
        assert same.of(name) == pytest.approx(losses.of(name), rel=1e-6)
    # Running statistics and their counts among them, to which a second pass adds nothing.
    for name, value in kept.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=1e-5, atol=1e-6, msg=name)
    assert not same_weights(kept, make()), "something was trained"
    assert not again.backbone.recompute, "another training may follow"


@pytest.mark.parametrize("all_maps", [False, True])
def test_less_is_kept_for_gradients(all_maps: bool) -> None:
    torch.manual_seed(0)
    backbone = build_backbone(Network(backbone="resnet18", weights=None, stride=32)).train()
    pictures = torch.rand(2, 3, 64, 64)
    kept, gradients = [], []
    for recompute in (False, True):
        backbone.recompute, size = recompute, 0

        def packed(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal size
            size += 0 if isinstance(tensor, torch.nn.Parameter) else tensor.nbytes
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(packed, lambda tensor: tensor):
            found = backbone.maps(pictures)[-1] if all_maps else backbone.trunk(pictures)
        kept.append(size)
        backbone.zero_grad()
        found.square().sum().backward()
        gradients.append([parameter.grad.clone() for parameter in backbone.parameters()])
    assert kept[1] < 0.25 * kept[0]
    for pair in zip(*gradients, strict=True):
        torch.testing.assert_close(*pair, rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        backbone.trunk(pictures)  # nothing to compute again

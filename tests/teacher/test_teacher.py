"""Where the teacher's fc6 and fc7 stand."""

import pytest
import torch

from wsdkd.ground.errors import UserError
from wsdkd.networks.params import Network
from wsdkd.teacher.network import Wsddn
from wsdkd.teacher.params import RoiPooling, TeacherParams
from wsdkd.training.params import Optimisation

SIDE, CELL, CLASSES = 64, 16, 3


def _params(**fields: object) -> TeacherParams:
    network = {"backbone": "resnet18", "weights": None, "stride": CELL}
    values = {
        "network": Network.model_validate(network),
        "input_size": SIDE,
        "train_sizes": (SIDE,),
        "hidden": 8,
        "roi": RoiPooling(pooling="max", bins=1, objectness=False),
        "training": Optimisation(epochs=1),
    }
    return TeacherParams.model_validate(values | fields)


def test_in_cells_a_region_has_the_largest_of_its_cells() -> None:
    torch.manual_seed(0)
    teacher = Wsddn(_params(hidden_in="cells"), CLASSES).eval()
    images = torch.randint(256, (1, 3, SIDE, SIDE), dtype=torch.uint8)
    # One cell, two beside each other, and all. RoI max-pooling takes in the cell in which a box ends.
    rois = torch.tensor([[0, 16, 32, 16, 32], [0, 0, 0, 16, 0], [0, 0, 0, 63, 63]], dtype=torch.float32)
    with torch.no_grad():
        cells = teacher.embedding(teacher.backbone(images))[0]
        found = teacher(images, rois, torch.ones(3))
    assert cells.shape == (8, SIDE // CELL, SIDE // CELL)
    expected = [cells[:, 2, 1], cells[:, 0, :2].amax(dim=1), cells.amax(dim=(1, 2))]
    torch.testing.assert_close(found.features, torch.stack(expected))
    assert found.class_logits.shape == (3, CLASSES)


@pytest.mark.parametrize("branches", [0, 3])
def test_branches_of_refinement_tell_classes_and_background(branches: int) -> None:
    teacher = Wsddn(_params(refinements=branches), CLASSES)
    images = torch.zeros(1, 3, SIDE, SIDE, dtype=torch.uint8)
    found = teacher(images, torch.tensor([[0.0, 0, 0, 63, 63], [0, 0, 0, 31, 31]]), torch.ones(2))
    assert found.refinement_logits.shape == (2, branches, CLASSES + 1)
    for number, branch in enumerate(teacher.refinements):
        torch.testing.assert_close(found.refinement_logits[:, number], branch(found.features))


@pytest.mark.parametrize("where", ["regions", "cells"])
def test_all_layers_that_no_pretraining_has_seen_learn_faster(where: str) -> None:
    teacher = Wsddn(_params(hidden_in=where, refinements=2), CLASSES)
    new = {id(parameter) for layer in teacher.new_layers() for parameter in layer.parameters()}
    old = {id(parameter) for parameter in teacher.backbone.parameters()}
    assert new | old == {id(parameter) for parameter in teacher.parameters()}
    assert not new & old


@pytest.mark.usefixtures("quick_vgg16")
def test_layers_of_vgg16_stand_behind_the_pooling() -> None:
    network = Network.model_validate({"backbone": "vgg16", "weights": None})
    with pytest.raises(UserError, match="hidden_in: fc6 of vgg16 takes regions, got cells"):
        Wsddn(_params(network=network, roi=RoiPooling(), hidden_in="cells"), CLASSES)

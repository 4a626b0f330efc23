"""The teacher's layers: regions times their objectness, fc6 and fc7 in regions or cells, its branches."""

import pytest
import torch

from wsdkd.ground.errors import UserError
from wsdkd.networks.params import Network
from wsdkd.networks.roi_pooling import pool_regions
from wsdkd.teacher.network import RoiFeatures, Wsddn
from wsdkd.teacher.params import RoiPooling, TeacherParams
from wsdkd.training.params import Optimisation

MAP = torch.arange(2 * 3 * 4 * 4, dtype=torch.float32).reshape(2, 3, 4, 4)
ROIS = torch.tensor([[0, 0, 0, 64, 64], [1, 16, 16, 48, 48.0]])
OBJECTNESS = torch.tensor([0.25, 1.0])


@pytest.mark.parametrize(("scale", "bias", "expected"), [(1.0, 0.0, [0.25, 1.0]), (10.0, 1.0, [3.5, 11.0])])
def test_multiplied_by_objectness(scale: float, bias: float, expected: list[float]) -> None:
    params = RoiPooling(bins=2, objectness_scale=scale, objectness_bias=bias)
    features = RoiFeatures(params, 1 / 16)(MAP, ROIS, OBJECTNESS)
    plain = pool_regions(MAP, ROIS, 2, 1 / 16, "max")
    for place, weight in enumerate(expected):
        torch.testing.assert_close(features[place], plain[place] * weight)


def test_objectness_may_be_left_out() -> None:
    features = RoiFeatures(RoiPooling(pooling="align", bins=3, objectness=False), 1 / 16)
    torch.testing.assert_close(
        features(MAP, ROIS, OBJECTNESS), pool_regions(MAP, ROIS, 3, 1 / 16, "align"), rtol=0, atol=0
    )


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

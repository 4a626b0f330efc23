"""Where a student sees a class, on networks whose answer is known."""

import numpy as np
import pytest
import torch

from wsdkd.settings.sections import parse_section
from wsdkd.student.heat import class_heat, hot_box
from wsdkd.student.network import Student
from wsdkd.student.params import StudentParams

NETWORK = {"weights": None, "stages": 2, "stride": 8}


def _student(**changes):
    section = {"network": NETWORK, "input_size": 64, **changes}
    torch.manual_seed(0)
    return Student(parse_section({"student": section}, "student", StudentParams), 3).eval()


class Colours(torch.nn.Module):
    """A feature map of the three colours, in cells of 8 pixels."""

    def forward(self, pictures):
        return torch.nn.functional.avg_pool2d(pictures, 8)


@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_each_class_is_seen_where_its_colour_is(pooling):
    model = _student(pooling=pooling, hidden=None)
    model.backbone = Colours()
    model.classifier = torch.nn.Linear(3, 3)
    model.classifier.weight.data = torch.eye(3)
    pictures = torch.zeros(2, 3, 64, 64)
    pictures[0, 0, 8:16, 24:32] = 1.0  # red in cell (1, 3)
    pictures[0, 2, 40:48, 0:8] = 0.5  # blue in cell (5, 0)
    pictures[1, 1] = 1.0  # green everywhere
    first, second = class_heat(model, pictures, [[2, 0], [1]])
    assert first.shape == (2, 8, 8)
    for heat, cell in zip(first, [(5, 0), (1, 3)], strict=True):
        assert heat[cell] == 1
        assert heat.sum() == 1
    assert not second.any()


def test_without_pooling_the_cells_add_up_to_the_logit():
    """Zhou et al.: with mean pooling the map's mean is the logit, so that the map explains it."""
    model = _student(pooling="mean", hidden=None)
    pictures = torch.randint(0, 255, (2, 3, 64, 64), generator=torch.Generator().manual_seed(1)).float()
    with torch.inference_mode():
        logits = model(pictures)
        cells = torch.einsum("kd,bdhw->bkhw", model.classifier.weight, model.backbone(pictures))
        means = cells.mean(dim=(2, 3)) + model.classifier.bias
    assert torch.allclose(means, logits, atol=1e-4)
    (heat,) = class_heat(model, pictures[:1], [[1]])
    assert np.unravel_index(heat[0].argmax(), heat[0].shape) == np.unravel_index(
        cells[0, 1].argmax().item(), heat[0].shape
    )


@pytest.mark.usefixtures("quick_vgg16")
def test_a_network_of_fully_connected_layers_has_a_map_too():
    model = _student(network={"backbone": "vgg16", "weights": None, "stride": 16}, hidden=None)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    pictures = torch.randint(0, 255, (1, 3, 64, 64), generator=torch.Generator().manual_seed(1)).float()
    (heat,) = class_heat(model, pictures, [[0, 2]])
    assert heat.shape == (2, 4, 4)
    assert np.isfinite(heat).all()
    assert heat.max() <= 1
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_box_is_around_what_is_joined_to_the_hottest_cell():
    heat = np.zeros((4, 8), np.float32)
    heat[1, 2:5] = (0.3, 1.0, 0.5)
    heat[2, 3] = 0.3
    heat[3, 7] = 0.9  # elsewhere
    heat[1, 5] = 0.1  # no longer warm
    assert hot_box(heat) == (2 / 8, 1 / 4, 5 / 8, 3 / 4)
    assert hot_box(np.zeros((4, 8), np.float32)) is None

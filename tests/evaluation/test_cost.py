"""Costs against layers whose numbers are known."""

import itertools
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from wsdkd.evaluation import cost
from wsdkd.evaluation.cost import count_multiply_adds, count_parameters, measure_throughput
from wsdkd.networks import roi_pooling
from wsdkd.networks.params import Network
from wsdkd.teacher.network import Wsddn
from wsdkd.teacher.params import RoiPooling, TeacherParams
from wsdkd.training.params import Optimisation

CPU = torch.device("cpu")


def test_known_layers():
    # 3x3 convolution, 3 -> 8 channels, 16 x 16 -> 8 x 8; then 512 -> 10.
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10)
    )
    assert count_parameters(model) == 3 * 8 * 9 + 8 + 512 * 10 + 10
    image = torch.zeros(1, 3, 16, 16)
    expected = 8 * 8 * 8 * 3 * 9 + 512 * 10
    assert count_multiply_adds(lambda: model(image)) == expected
    assert count_multiply_adds(lambda: (model(image), model(image))) == 2 * expected


def test_grouped_convolution():
    model = nn.Conv2d(8, 8, 3, padding=1, groups=8)
    assert count_multiply_adds(lambda: model(torch.zeros(1, 8, 5, 5))) == 25 * 8 * 9


@pytest.mark.parametrize("most_cells", [0, 256], ids=["kernel", "products"])
def test_pooling_is_not_counted_however_it_is_computed(
    most_cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roi_pooling, "MOST_CELLS", most_cells)
    training = Optimisation(epochs=1)
    network = Network(weights=None, stages=3, stride=8)
    params = TeacherParams(
        network=network,
        input_size=64,
        train_sizes=(64,),
        roi=RoiPooling(pooling="align", bins=2),
        hidden=8,
        training=training,
    )
    teacher = Wsddn(params, 3).eval()
    image, rois = torch.zeros(1, 3, 64, 64), torch.tensor([[0.0, 4, 4, 60, 60], [0.0, 0, 0, 20, 30]])
    backbone = count_multiply_adds(lambda: teacher.backbone(image))
    heads = 2 * (teacher.backbone.channels * 4 * 8 + 8 * 8 + 2 * 8 * 3)
    assert count_multiply_adds(lambda: teacher(image, rois, torch.ones(2))) == backbone + heads


def test_throughput_is_measured_in_turns_of_equal_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, calls = SimpleNamespace(now=0.0), []
    monkeypatch.setattr(cost, "time", SimpleNamespace(perf_counter=lambda: clock.now))

    def takes(name: str, *seconds: float) -> Callable[[], None]:
        each = itertools.cycle(seconds)

        def run() -> None:
            calls.append(name)
            clock.now += next(each)

        return run

    runs = {"slow": takes("slow", 0.02), "fast": takes("fast", 0.005, 0.004, 0.006, 0.5)}
    speed = measure_throughput(runs, images=4, seconds=0.06, device=CPU)
    # After two calls of each to warm up, whichever has had less time goes next. One call of the fast one
    # takes long, as on a busy machine, and the median says nothing of it.
    assert calls[:4] == ["slow", "slow", "fast", "fast"]
    assert calls[4:] == ["slow", "fast", "fast", "slow", "slow", "fast"]
    assert speed == pytest.approx({"slow": 4 / 0.02, "fast": 4 / 0.006})


def test_nothing_keeps_a_gradient():
    model = nn.Linear(2, 2)
    seen = []
    measure_throughput({"it": lambda: seen.append(model(torch.zeros(1, 2)))}, 1, 1e-6, CPU)
    assert not any(output.requires_grad for output in seen)

"""Costs against layers whose numbers are known."""

import time

import pytest
import torch
from torch import nn

from wsdkd.evaluation.cost import count_multiply_adds, count_parameters, measure_throughput

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


def test_throughput_takes_turns_and_tells_fast_from_slow():
    calls = []

    def sleeper(name, seconds):
        def run():
            calls.append(name)
            time.sleep(seconds)

        return run

    speed = measure_throughput(
        {"slow": sleeper("slow", 0.02), "fast": sleeper("fast", 0.005)}, images=4, seconds=0.1, device=CPU
    )
    assert speed["slow"] == pytest.approx(200, rel=0.5)
    assert speed["fast"] > 2 * speed["slow"]
    timed = "".join(name[0] for name in calls[4:])
    assert calls[:4] == ["slow", "slow", "fast", "fast"]
    assert "sf" in timed
    assert "fs" in timed


def test_nothing_keeps_a_gradient():
    model = nn.Linear(2, 2)
    seen = []
    measure_throughput({"it": lambda: seen.append(model(torch.zeros(1, 2)))}, 1, 1e-6, CPU)
    assert not any(output.requires_grad for output in seen)

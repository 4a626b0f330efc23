"""Copies between host and device; those of a GPU are tried where there is one, and by ``make bench-gpu``."""

import pytest
import torch

from wsdkd.networks.copies import Aside, pinned

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.mark.parametrize("name", DEVICES)
def test_there_and_back(name: str) -> None:
    device = torch.device(name)
    aside, numbers = Aside(device), torch.arange(1000.0).reshape(10, 100)
    for _ in range(5):
        there, other = aside.to_device([pinned(numbers, device), numbers.long()])
        assert there.device.type == other.device.type == name
        computed = there.square() + other
        mark = aside.computed()
        there = there.exp()  # goes on beside what follows
        with aside.behind(mark):
            kept = computed[computed[:, 0] > 10_000]
            back, whole = aside.to_host([kept, computed])
        assert back.device.type == "cpu"
        assert torch.equal(whole, numbers.square() + numbers)
        assert torch.equal(back, whole[1:])


def test_on_a_cpu_nothing_is_copied() -> None:
    numbers = torch.arange(3.0)
    aside = Aside(torch.device("cpu"))
    assert pinned(numbers, aside.device) is numbers
    assert aside.to_device([numbers])[0] is numbers
    assert aside.computed() is None

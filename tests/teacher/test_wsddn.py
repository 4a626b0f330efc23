import math

import pytest
import torch

from wsdkd.teacher.learning import CLAMP, wsddn_loss

ALL = torch.ones(2, 3, dtype=torch.bool)


def test_sums_over_classes_and_averages_over_images() -> None:
    scores = torch.tensor([[0.5, 0.25, 0.8], [0.9, 0.1, 0.5]])
    labels = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    by_hand = -(
        math.log(0.5) + math.log(0.75) + math.log(0.8) + math.log(0.1) + math.log(0.9) + math.log(0.5)
    )
    assert wsddn_loss(scores, labels, ALL).item() == pytest.approx(by_hand / 2, rel=1e-6)


def test_clamps_at_1e_4_on_both_sides() -> None:
    wrong = torch.tensor([[0.0, 1.0, 0.5]])
    labels = torch.tensor([[1.0, 0.0, 0.0]])
    loss = wsddn_loss(wrong, labels, ALL[:1]).item()
    assert CLAMP == 1e-4
    assert loss == pytest.approx(-2 * math.log(1e-4) - math.log(0.5), rel=1e-3)


def test_an_ignored_class_costs_nothing_and_gets_no_gradient() -> None:
    scores = torch.tensor([[0.2, 0.7, 0.4]], requires_grad=True)
    known = torch.tensor([[True, False, True]])
    wsddn_loss(scores, torch.tensor([[1.0, 1.0, 0.0]]), known).backward()
    assert scores.grad is not None
    assert scores.grad[0, 1] == 0
    assert scores.grad[0].tolist() == pytest.approx([-1 / 0.2, 0, 1 / 0.6])


def test_gradient_against_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(3, 4, generator=generator, dtype=torch.float64) * 0.9 + 0.05
    labels = (torch.rand(3, 4, generator=generator) < 0.4).double()
    known = torch.rand(3, 4, generator=generator) < 0.8
    assert torch.autograd.gradcheck(lambda s: wsddn_loss(s, labels, known), scores.requires_grad_())

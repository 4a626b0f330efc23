import math

import numpy as np
import pytest
import torch

from wsdkd.distill.features import region_loss
from wsdkd.distill.from_cache import region_targets


def test_targets_against_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    classes, detection = rng.normal(0, 2, (5, 4)), rng.normal(0, 2, (5, 4))
    targets = region_targets(classes, detection, (1, 3))
    for label in range(4):
        scores = [
            math.exp(classes[r, label]) / sum(map(math.exp, classes[r])) * math.exp(detection[r, label])
            for r in range(5)
        ]
        expected = [score / max(scores) if label in (1, 3) else 0.0 for score in scores]
        assert targets[:, label].tolist() == pytest.approx(expected, rel=1e-5)
    assert targets.dtype == np.float32


def test_an_image_without_labels_has_no_objects() -> None:
    assert not region_targets(np.ones((3, 2)), np.ones((3, 2)), ()).any()


def test_large_logits_do_not_overflow() -> None:
    targets = region_targets(np.array([[900.0, -900.0]]), np.array([[900.0, 900.0]]), (0, 1))
    assert np.isfinite(targets).all()


def test_loss_sums_over_known_classes_and_averages_over_regions() -> None:
    logits = torch.tensor([[0.0, 5.0], [0.0, 0.0]])
    targets = torch.tensor([[1.0, 0.0], [0.5, 0.0]])
    known = torch.tensor([[True, False], [True, True]])
    assert region_loss(logits, targets, known).item() == pytest.approx(3 * math.log(2) / 2)


def test_gradient_against_finite_differences() -> None:
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(3, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    targets = torch.rand(3, 4, generator=generator, dtype=torch.float64)
    known = torch.rand(3, 4, generator=generator) < 0.7
    assert torch.autograd.gradcheck(lambda z: region_loss(z, targets, known), logits)

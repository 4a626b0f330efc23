import pytest
import torch

from wsdkd.distill.features import feature_loss, relative_feature_loss

STUDENT = torch.tensor([[1.0, 2.0], [0.0, 0.0], [3.0, 1.0]])
TEACHER = torch.tensor([[0.0, 0.0], [2.0, 0.0], [3.0, 4.0]])
# Square distances by hand: 5, 4, 9.


def test_the_released_form() -> None:
    # 1 / (2N) sum_r || f^S - f^T ||^2
    assert feature_loss(STUDENT, TEACHER).item() == pytest.approx((5 + 4 + 9) / (2 * 3))


def test_the_weighted_form() -> None:
    weights = torch.tensor([1.0, 0.5, 0.0])
    assert feature_loss(STUDENT, TEACHER, weights).item() == pytest.approx((5 + 2) / (2 * 1.5))


def test_equal_weights_are_the_released_form() -> None:
    weighted = feature_loss(STUDENT, TEACHER, torch.full((3,), 0.3))
    assert weighted.item() == pytest.approx(feature_loss(STUDENT, TEACHER).item())


def test_relative_to_the_teachers_own_square_sum() -> None:
    weights = torch.tensor([1.0, 0.5, 1.0])
    # Teacher's square sums by hand: 0, 4, 25.
    assert relative_feature_loss(STUDENT, TEACHER, weights).item() == pytest.approx((5 + 2 + 9) / (2 + 25))
    silent = torch.zeros_like(TEACHER)
    for scale in (1, 100):
        assert relative_feature_loss(silent, TEACHER * scale, weights).item() == pytest.approx(1)


def test_no_weight_at_all_is_no_loss() -> None:
    none = torch.zeros(3)
    assert feature_loss(STUDENT, TEACHER, none) == 0
    assert relative_feature_loss(STUDENT, TEACHER, none) == 0


@pytest.mark.parametrize("loss", [feature_loss, relative_feature_loss])
def test_gradient_against_finite_differences(loss: object) -> None:
    generator = torch.Generator().manual_seed(1)
    student = torch.randn(4, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    weights = torch.rand(4, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda s: loss(s, teacher, weights), student)  # type: ignore[operator]

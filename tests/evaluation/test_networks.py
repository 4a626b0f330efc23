"""Cost of teacher and student as they are tested."""

import pytest
import torch

from tests.evaluation.small_report import CLASSES, small_student, small_teacher
from wsdkd.evaluation.cost import compare_costs


@pytest.fixture(scope="module")
def cost_of():
    student = small_student()
    return lambda **changes: compare_costs(small_teacher(**changes), student, 1e-3, torch.device("cpu"))


def test_the_head_is_counted_once_a_region(cost_of):
    least, most = cost_of()["teacher"], cost_of(proposals=10)["teacher"]
    channels = small_teacher().model.backbone.channels
    head = channels * 2 * 2 * 16 + 16 * 16 + 2 * 16 * len(CLASSES)
    assert most["multiply_adds"] - least["multiply_adds"] == 6 * head
    assert most["parameters"] == least["parameters"]


def test_all_fused_views_are_counted(cost_of):
    one, four = cost_of(), cost_of(test_sizes=[32, 32], test_mirrored=True)
    assert four["teacher"]["multiply_adds"] == 4 * one["teacher"]["multiply_adds"]
    assert four["student"]["multiply_adds"] == one["student"]["multiply_adds"]


def test_the_same_backbone_costs_the_student_what_it_costs_the_teacher(cost_of):
    cost = cost_of()
    channels = small_teacher().model.backbone.channels
    head = 4 * (channels * 2 * 2 * 16 + 16 * 16 + 2 * 16 * len(CLASSES))
    assert cost["teacher"]["multiply_adds"] - head == cost["student"]["multiply_adds"] - channels * len(
        CLASSES
    )
    assert cost["device"].startswith("cpu")

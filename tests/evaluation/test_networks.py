"""Cost of teacher and student as they are tested."""

import pytest
import torch

from wsdkd.evaluation.cost import compare_costs
from wsdkd.settings.sections import parse_section
from wsdkd.student.network import LoadedStudent, Student
from wsdkd.student.params import StudentParams
from wsdkd.teacher.network import LoadedTeacher, Wsddn
from wsdkd.teacher.params import TeacherParams

NETWORK = {"weights": None, "stages": 2, "stride": 8}
CLASSES = ["bee", "cat", "dog"]


def teacher(**changes):
    section = {
        "network": NETWORK,
        "input_size": 32,
        "train_sizes": [32],
        "proposals": 4,
        "roi": {"bins": 2},
        "hidden": 16,
        "training": {"epochs": 1},
        **changes,
    }
    params = parse_section({"teacher": section}, "teacher", TeacherParams)
    return LoadedTeacher(Wsddn(params, 3).eval(), params, CLASSES)


@pytest.fixture(scope="module")
def cost_of():
    params = parse_section({"student": {"network": NETWORK, "input_size": 32}}, "student", StudentParams)
    student = LoadedStudent(Student(params, 3).eval(), params, CLASSES)
    return lambda **changes: compare_costs(teacher(**changes), student, 1e-3, torch.device("cpu"))


def test_the_head_is_counted_once_a_region(cost_of):
    few, many = cost_of()["teacher"], cost_of(proposals=10)["teacher"]
    channels = teacher().model.backbone.channels
    head = channels * 2 * 2 * 16 + 16 * 16 + 2 * 16 * 3
    assert many["multiply_adds"] - few["multiply_adds"] == 6 * head
    assert many["parameters"] == few["parameters"]


def test_all_fused_views_are_counted(cost_of):
    one, four = cost_of(), cost_of(test_sizes=[32, 32], test_mirrored=True)
    assert four["teacher"]["multiply_adds"] == 4 * one["teacher"]["multiply_adds"]
    assert four["student"]["multiply_adds"] == one["student"]["multiply_adds"]


def test_the_same_backbone_costs_the_student_what_it_costs_the_teacher(cost_of):
    cost = cost_of()
    channels = teacher().model.backbone.channels
    head = 4 * (channels * 2 * 2 * 16 + 16 * 16 + 2 * 16 * 3)
    assert cost["teacher"]["multiply_adds"] - head == cost["student"]["multiply_adds"] - channels * 3
    assert cost["device"].startswith("cpu")

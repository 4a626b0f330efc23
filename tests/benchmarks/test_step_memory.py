"""Bytes that live at once, against figures that are known by counting on one's fingers."""

import torch
from torch import nn

from benchmarks.step_memory import Living, student_bytes, teacher_bytes
from wsdkd.distill.params import DistillFeaturesParams
from wsdkd.profiles import PROFILES
from wsdkd.settings.sections import load_section
from wsdkd.student.params import StudentParams
from wsdkd.teacher.params import TeacherParams

NUMBERS, BYTES = 1024, 4096
COCO = PROFILES / "coco.yaml"


def test_what_is_gone_no_longer_counts() -> None:
    with Living() as living:
        first = torch.zeros(NUMBERS)
        second = torch.ones(NUMBERS)
        seen = first.view(32, 32)  # no memory of its own
        del first, seen
        third = torch.ones(NUMBERS)
    assert living.now == second.nbytes + third.nbytes == living.most == 2 * BYTES


def test_counts_what_a_backward_pass_makes() -> None:
    layer, batch = nn.Linear(NUMBERS, NUMBERS, bias=False), torch.ones(1, NUMBERS)
    with Living(layer) as living:
        weights = living.now
        layer(batch).sum().backward()
    assert weights == NUMBERS * BYTES
    # The gradient is as large, and besides it there is at most a number and what it was made of.
    assert 2 * weights <= living.now < 2 * weights + BYTES


def _teacher(**training: object) -> int:
    params: TeacherParams = load_section("teacher", TeacherParams, COCO)
    optimisation = params.training.model_copy(update=training)
    small = {"train_sizes": (160, 480), "proposals": 8, "training": optimisation}
    return teacher_bytes(params.model_copy(update=small), 20)


def test_each_change_that_the_page_names_takes_less() -> None:
    plain = _teacher()
    # VGG16 keeps some 134 million numbers in fp32, each with a gradient and the optimiser's own.
    assert plain > 3 * 134e6 * 4
    assert _teacher(optimizer="adamw") - plain > 0.9 * 134e6 * 4
    assert _teacher(precision="fp32") > plain
    assert _teacher(accumulate=4) < plain
    assert _teacher(recompute=True) < plain


def test_regions_count() -> None:
    teacher: TeacherParams = load_section("teacher", TeacherParams, COCO)
    student: StudentParams = load_section("student", StudentParams, COCO)
    features: DistillFeaturesParams = load_section("distill_features", DistillFeaturesParams, COCO)
    few, many = (student_bytes(student, features, teacher, rois, 20) for rois in (2, 20))
    # fc6 takes 7 x 7 cells of 512 channels of each, in fp32.
    assert many - few > 18 * features.training.batch_size * 49 * 512 * 4

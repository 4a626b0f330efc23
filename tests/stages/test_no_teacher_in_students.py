"""No teacher's forward pass runs in a stage of the student, because none of its code is there."""

import pytest

from tests.pipeline.closure import closure

STUDENTS = ("train_baseline", "distill_features", "distill_predictions")
TEACHER = {
    "wsdkd/inference/regions.py",
    "wsdkd/losses/wsddn.py",
    "wsdkd/models/roi_features.py",
    "wsdkd/models/saved_teacher.py",
    "wsdkd/models/teacher.py",
    "wsdkd/params/teacher.py",
    "wsdkd/training/teacher.py",
}


@pytest.mark.parametrize("stage", STUDENTS)
def test_no_code_of_the_teacher_in_a_stage_of_the_student(stage: str) -> None:
    assert not TEACHER & set(closure(f"stages.{stage}"))


def test_the_baseline_knows_nothing_of_distillation() -> None:
    modules = closure("stages.train_baseline")
    assert not [path for path in modules if path.startswith("wsdkd/cache/") or "/distill_" in path[6:]]


@pytest.mark.parametrize("stage", ["train_teacher", "cache_teacher"])
def test_no_code_of_the_student_in_a_stage_of_the_teacher(stage: str) -> None:
    student = {"wsdkd/models/student.py", "wsdkd/params/student.py", "wsdkd/models/saved_student.py"}
    assert not student & set(closure(f"stages.{stage}"))

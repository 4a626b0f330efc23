"""No teacher's forward pass runs in a stage of the student, because none of its code is there."""

import pytest

from tests.pipeline.closure import closure

STUDENTS = ("train_baseline", "distill_features", "distill_predictions")
TEACHER = {
    "wsdkd/teacher/run.py",
    "wsdkd/teacher/learning.py",
    "wsdkd/teacher/network.py",
    "wsdkd/teacher/params.py",
}


@pytest.mark.parametrize("stage", STUDENTS)
def test_no_code_of_the_teacher_in_a_stage_of_the_student(stage: str) -> None:
    assert not TEACHER & set(closure(f"stages.{stage}"))


def test_the_baseline_knows_nothing_of_distillation() -> None:
    modules = closure("stages.train_baseline")
    assert not [path for path in modules if path.startswith("wsdkd/cache/") or "/distill_" in path[6:]]


@pytest.mark.parametrize("stage", ["train_teacher", "cache_teacher"])
def test_no_code_of_the_student_in_a_stage_of_the_teacher(stage: str) -> None:
    student = {"wsdkd/student/network.py", "wsdkd/student/params.py"}
    assert not student & set(closure(f"stages.{stage}"))

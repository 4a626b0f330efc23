"""No teacher's forward pass runs in a stage of the student, because none of its code is there."""

import pytest

from wsdkd.ground.code import Sources

STUDENTS = ("train_baseline", "distill_features", "distill_predictions")
TEACHER = {"wsdkd.teacher.run", "wsdkd.teacher.learning", "wsdkd.teacher.network", "wsdkd.teacher.params"}
STUDENT = {"wsdkd.student.network", "wsdkd.student.learning", "wsdkd.student.params"}


@pytest.mark.parametrize("stage", STUDENTS)
def test_no_code_of_the_teacher_in_a_stage_of_the_student(stage: str) -> None:
    modules = Sources().digests(f"stages.{stage}")
    assert not modules.keys() & TEACHER
    assert modules.keys() >= STUDENT


def test_the_baseline_knows_nothing_of_distillation() -> None:
    modules = Sources().digests("stages.train_baseline")
    known = {name for name in modules if name.startswith(("wsdkd.cache", "wsdkd.distill"))}
    # For how long it trains is what both stages of distillation say.
    assert known == {"wsdkd.distill", "wsdkd.distill.params"}


@pytest.mark.parametrize("stage", ["train_teacher", "cache_teacher"])
def test_no_code_of_the_student_in_a_stage_of_the_teacher(stage: str) -> None:
    modules = Sources().digests(f"stages.{stage}")
    assert not modules.keys() & STUDENT
    assert "wsdkd.teacher.network" in modules

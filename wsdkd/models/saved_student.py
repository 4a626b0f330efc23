"""A student, or the baseline, read from disk. It needs nothing of the teacher."""

from pathlib import Path
from typing import NamedTuple

from wsdkd.models.checkpoints import restore
from wsdkd.models.description import read_description
from wsdkd.models.student import Student
from wsdkd.params.student import StudentParams


class LoadedStudent(NamedTuple):
    """A student, or the baseline, in evaluation mode, with the names of its classes."""

    model: Student
    params: StudentParams
    classes: list[str]


def load_student(folder: Path) -> LoadedStudent:
    """Read a student or a baseline that :func:`wsdkd.models.checkpoints.save_network` wrote.

    Raises:
        UserError: the folder holds no student, or a damaged one.
    """
    params, classes = read_description(folder, "student", StudentParams)
    model = Student(params, len(classes))
    restore(model, folder)
    return LoadedStudent(model, params, classes)

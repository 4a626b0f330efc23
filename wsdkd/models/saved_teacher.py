"""A trained teacher, read from disk."""

from pathlib import Path
from typing import NamedTuple

from wsdkd.models.checkpoints import restore
from wsdkd.models.description import read_description
from wsdkd.models.teacher import Wsddn
from wsdkd.params.teacher import TeacherParams


class LoadedTeacher(NamedTuple):
    """A trained teacher in evaluation mode, with the names of its classes in the order of its logits."""

    model: Wsddn
    params: TeacherParams
    classes: list[str]


def load_teacher(folder: Path) -> LoadedTeacher:
    """Read a teacher that :func:`wsdkd.models.checkpoints.save_network` wrote.

    Raises:
        UserError: the folder holds no teacher, or a damaged one.
    """
    params, classes = read_description(folder, "teacher", TeacherParams, training={"epochs": 1})
    model = Wsddn(params, len(classes))
    restore(model, folder)
    return LoadedTeacher(model, params, classes)

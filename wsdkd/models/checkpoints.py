"""Networks on disk: weights as safetensors, and beside them all that is needed to build them again."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
from torch import nn

from wsdkd.errors import UserError
from wsdkd.files import publish_folder
from wsdkd.models.student import Student
from wsdkd.models.teacher import Wsddn
from wsdkd.params.student import StudentParams
from wsdkd.params.teacher import TeacherParams

WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"


class LoadedTeacher(NamedTuple):
    """A trained teacher in evaluation mode, with the names of its classes in the order of its logits."""

    model: Wsddn
    params: TeacherParams
    classes: list[str]


class LoadedStudent(NamedTuple):
    """A student, or the baseline, in evaluation mode, with the names of its classes."""

    model: Student
    params: StudentParams
    classes: list[str]


def save_network(folder: Path, model: nn.Module, kind: str, params: Any, classes: list[str]) -> None:
    """Write a network; equal weights give equal bytes.

    Args:
        folder: takes ``model.safetensors`` and ``model.json``; replaced as a whole.
        model: its state dict is written.
        kind: ``teacher`` or ``student``.
        params: the section that it was built from.
        classes: names in the order of its logits.
    """
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    # The initial weights came into the state and their file may be gone when this is read.
    fields = params.model_dump(mode="json", exclude={"training"})
    fields["network"]["weights"] = None
    description: dict[str, Any] = {"kind": kind, "classes": classes, "params": fields}
    with publish_folder(folder) as aside:
        (aside / WEIGHTS).write_bytes(safetensors.torch.save(state))
        text = json.dumps(description, indent=1, ensure_ascii=False, sort_keys=True)
        (aside / DESCRIPTION).write_text(text + "\n", encoding="utf-8")


def load_teacher(folder: Path) -> LoadedTeacher:
    """Read a teacher that :func:`save_network` wrote.

    Raises:
        UserError: the folder holds no teacher, or a damaged one.
    """
    fields, classes = _describe(folder, "teacher")
    params = TeacherParams.model_validate_json(json.dumps({**fields, "training": {"epochs": 1}}))
    model = Wsddn(params, len(classes))
    _restore(model, folder)
    return LoadedTeacher(model, params, classes)


def load_student(folder: Path) -> LoadedStudent:
    """Read a student or a baseline that :func:`save_network` wrote.

    Raises:
        UserError: the folder holds no student, or a damaged one.
    """
    fields, classes = _describe(folder, "student")
    params = StudentParams.model_validate_json(json.dumps(fields))
    model = Student(params, len(classes))
    _restore(model, folder)
    return LoadedStudent(model, params, classes)


def _describe(folder: Path, kind: str) -> tuple[dict[str, Any], list[str]]:
    path = folder / DESCRIPTION
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        found, fields, classes = description["kind"], description["params"], description["classes"]
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file; run the stage that makes it, or fetch it: dvc pull {folder}"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a description of a network: {error}") from None
    if found != kind:
        raise UserError(f"{path}: kind: expected a {kind}, found a {found}")
    return fields, classes


def _restore(model: nn.Module, folder: Path) -> None:
    path = folder / WEIGHTS
    try:
        model.load_state_dict(safetensors.torch.load_file(path))
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:
        raise UserError(f"{path}: does not hold the network that {DESCRIPTION} describes: {error}") from None
    model.eval()

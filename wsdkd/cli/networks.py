"""Whether the networks that parameters name can be built: they are, without their weights."""

from functools import reduce
from typing import Any, TypeVar

import torch

from wsdkd.ground.errors import UserError
from wsdkd.networks.params import VGG_BINS
from wsdkd.settings.sections import Section
from wsdkd.student.network import Student
from wsdkd.student.params import StudentParams
from wsdkd.teacher.network import Wsddn
from wsdkd.teacher.params import TeacherParams

FITTING: dict[str, Any] = {
    "network.stages": None,
    "network.frozen_stages": 0,
    "network.stride": 16,
    "roi.bins": VGG_BINS,
    "hidden_in": "regions",
}
"""Keys that a backbone may leave no choice of, each with a value that most allow."""

Params = TypeVar("Params", bound=Section)


def misfits(params: TeacherParams | StudentParams) -> list[str]:
    """What keeps a network from being built, ``section.key: reason`` a line; none where it can be.

    A key that does not fit is given its value in :data:`FITTING`, so that not the first alone is named.
    """
    role = "teacher" if isinstance(params, TeacherParams) else "student"
    tried, lines = _with(params, "network.weights", None), []
    while (refused := _refused(tried)) is not None:
        lines.append(f"{role}.{refused}")
        key = refused.partition(":")[0]
        if key not in FITTING or _value(tried, key) == FITTING[key]:
            break
        tried = _with(tried, key, FITTING[key])
    return lines


def _refused(params: TeacherParams | StudentParams) -> str | None:
    try:
        with torch.device("meta"):  # without numbers, which take seconds to draw for VGG16
            _build(params)
    except Exception:
        # Some architectures look at their numbers while they are built. So this says nothing yet.
        try:
            _build(params)
        except UserError as error:
            return str(error)
    return None


def _build(params: TeacherParams | StudentParams) -> None:
    classes = 2  # how many there are is known once the dataset is prepared; all networks take any number
    if isinstance(params, TeacherParams):
        Wsddn(params, classes)
    else:
        Student(params, classes)


def _value(params: Section, key: str) -> Any:
    return reduce(getattr, key.split("."), params)


def _with(params: Params, key: str, value: Any) -> Params:
    first, _, rest = key.partition(".")
    return params.model_copy(update={first: _with(getattr(params, first), rest, value) if rest else value})

"""How a section of params.yaml is read: strictly, and refused by its full name.

Each section lives in a file of its own, so that a stage depends on the sections it uses alone.
"""

import json
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from wsdkd.errors import UserError

T = TypeVar("T")

PARAMS_FILE = Path("params.yaml")

SECTIONS = (
    "dataset",
    "proposals",
    "teacher",
    "cache",
    "student",
    "distill_features",
    "distill_predictions",
    "evaluation",
)


class ParamsError(UserError):
    """A parameter is unknown, of the wrong type or impossible; the message names it in full."""


class Section(BaseModel):
    """Base of all sections: frozen, strict about types, closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def read_params(path: Path = PARAMS_FILE) -> dict[str, Any]:
    """Read a parameter file whose top level holds known sections alone.

    Raises:
        ParamsError: the file is missing, is not YAML, or has a section that no stage reads.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file; choose a profile: wsdkd profile use NAME") from None
    except yaml.YAMLError as error:
        raise ParamsError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(data, dict):
        raise ParamsError(f"{path}: expected sections ({', '.join(SECTIONS)}), found {type(data).__name__}")
    unknown = sorted(str(key) for key in data if key not in SECTIONS)
    if unknown:
        raise ParamsError(f"{path}: {unknown[0]}: unknown section; allowed: {', '.join(SECTIONS)}")
    return data


def parse_section(data: dict[str, Any], name: str, kind: type[T] | Any, source: Path = PARAMS_FILE) -> T:
    """Validate one section of ``data`` as ``kind``, a :class:`Section` or a union of them.

    Validation goes through JSON, where strictness still lets a YAML list be a tuple and a string
    be a path, yet never lets the string "5" be a number.

    Raises:
        ParamsError: names the file, the full key, what is wrong and what is allowed.
    """
    if name not in data:
        raise ParamsError(f"{source}: {name}: this section is missing")
    adapter = TypeAdapter(kind)
    try:
        text = json.dumps(data[name])
    except TypeError as error:
        raise ParamsError(f"{source}: {name}: {error}") from None
    try:
        section: T = adapter.validate_json(text, strict=True)
    except ValidationError as error:
        lines = [_explain(detail, name, source) for detail in error.errors(include_url=False)]
        raise ParamsError("\n".join(lines)) from None
    return section


def load_section(name: str, kind: type[T] | Any, path: Path = PARAMS_FILE) -> T:
    """Read section ``name`` of the parameter file at ``path`` as ``kind``; see :func:`parse_section`."""
    return parse_section(read_params(path), name, kind, path)


def _explain(detail: ErrorDetails, section: str, source: Path) -> str:
    # In a union told apart by a field, pydantic puts the chosen tag into the location, although
    # no such key stands in the file.
    steps = [str(step) for step in detail["loc"]]
    tags = {"scenes", "coco", "voc", "nuswide", "table", "edge_boxes", "selective_search", "file"}
    if steps and steps[0] in tags:
        steps = steps[1:]
    key = ".".join([section, *steps])
    if detail["type"] == "extra_forbidden":
        return f"{source}: {key}: unknown key; remove it or correct its spelling"
    if detail["type"] == "missing":
        return f"{source}: {key}: this key is missing"
    return f"{source}: {key}: {detail['msg']}, got {detail['input']!r}"

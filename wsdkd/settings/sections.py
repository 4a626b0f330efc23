"""How a section of params.yaml is read: strictly, and refused by its full name.

What a section holds stands in the ``params.py`` of its room, so that a stage's code is that of its own
sections. Two folders are read without the section around them: where the photographs lie, and where a
teacher's cache does.
"""

import json
from pathlib import Path
from typing import Annotated, Any, TypeVar, overload

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from wsdkd.ground.errors import UserError
from wsdkd.ground.failures import naming
from wsdkd.ground.reading import require_file
from wsdkd.settings.refusals import refusals
from wsdkd.settings.yaml_text import load_yaml

T = TypeVar("T")

PARAMS_FILE = Path("params.yaml")

SECTIONS = (
    "dataset",
    "proposals",
    "teacher",
    "cache",
    "student",
    "baseline",
    "distill_features",
    "distill_predictions",
    "evaluation",
    "doubts",
    "promotion",
    "tracking",
)


class ParamsError(UserError):
    """A parameter is unknown, of the wrong type or impossible; the message names it in full."""


class Section(BaseModel):
    """Base of all sections: frozen, strict about types, closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _without_tilde(folder: str) -> str:
    if folder.startswith("~"):
        raise ValueError(f"DVC reads this file too, and expands no ~: write {Path(folder).expanduser()}")
    return folder


Folder = Annotated[str, Field(min_length=1), AfterValidator(_without_tilde)]
"""Absolute, or relative to the project."""


def read_params(path: Path = PARAMS_FILE) -> dict[str, Any]:
    """Read a parameter file; see :func:`parse_params`.

    Raises:
        ParamsError: the file is missing, or refused.
    """
    try:
        require_file(path, "choose a profile: wsdkd profile use NAME")
        with naming(path):
            text = path.read_text(encoding="utf-8")
    except UserError as error:
        raise ParamsError(str(error)) from None
    return parse_params(text, path)


def parse_params(text: str, source: Path) -> dict[str, Any]:
    """The sections in the text of a parameter file, none of them validated yet.

    Raises:
        ParamsError: the text is not YAML, would become more than a parameter file ever is, or has a
            section that no stage reads.
    """
    try:
        data = load_yaml(text, source)
    except UserError as error:
        raise ParamsError(str(error)) from None
    if not isinstance(data, dict):
        raise ParamsError(f"{source}: expected sections ({', '.join(SECTIONS)}), found {type(data).__name__}")
    unknown = sorted(str(key) for key in data if key not in SECTIONS)
    if unknown:
        raise ParamsError(f"{source}: {unknown[0]}: unknown section; allowed: {', '.join(SECTIONS)}")
    odd = _key_that_is_no_text(data)
    if odd is not None:
        raise ParamsError(f"{source}: {odd}: a key should be text")
    return data


def _key_that_is_no_text(value: Any) -> str | None:
    """Full name of the first key, at any depth, that is a number, a list or the like."""
    if isinstance(value, list):
        return next((odd for each in value if (odd := _key_that_is_no_text(each)) is not None), None)
    for key, below in value.items() if isinstance(value, dict) else ():
        if not isinstance(key, str):
            return repr(key)
        odd = _key_that_is_no_text(below)
        if odd is not None:
            return f"{key}.{odd}"
    return None


@overload
def parse_section(data: dict[str, Any], name: str, kind: type[T], source: Path = ...) -> T: ...
@overload
def parse_section(data: dict[str, Any], name: str, kind: Any, source: Path = ...) -> Any: ...
def parse_section(data: dict[str, Any], name: str, kind: Any, source: Path = PARAMS_FILE) -> Any:
    """Validate one section of ``data`` as ``kind``, a :class:`Section` or a union of them.

    Validation goes through JSON, where strictness still lets a YAML list be a tuple and a string
    be a path, yet never lets the string "5" be a number.

    Raises:
        ParamsError: names the file, the full key, what is wrong and what is allowed.
    """
    if name not in data:
        raise ParamsError(f"{source}: {name}: this section is missing")
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    schema = adapter.json_schema()
    value = _with_choice(data[name], schema)
    try:
        # A date or another value that JSON has not becomes a string, and is refused as one.
        section = adapter.validate_json(json.dumps(value, default=str), strict=True)
    except ValidationError as error:
        lines = refusals(name, value, schema, error.errors(include_url=False))
        raise ParamsError("\n".join(f"{source}: {line}" for line in lines)) from None
    return section


def _with_choice(value: Any, schema: dict[str, Any]) -> Any:
    """A section that leaves its choice open, with the default one if all of its keys are of that one."""
    choice = schema.get("discriminator", {})
    if not isinstance(value, dict) or not choice or choice["propertyName"] in value:
        return value
    for name, reference in choice["mapping"].items():
        keys = schema["$defs"][reference.rpartition("/")[2]]["properties"]
        if "default" in keys[choice["propertyName"]] and value.keys() <= keys.keys():
            return {choice["propertyName"]: name, **value}
    return value


@overload
def load_section(name: str, kind: type[T], path: Path = ...) -> T: ...
@overload
def load_section(name: str, kind: Any, path: Path = ...) -> Any: ...
def load_section(name: str, kind: Any, path: Path = PARAMS_FILE) -> Any:
    """Read section ``name`` of the parameter file at ``path`` as ``kind``; see :func:`parse_section`."""
    return parse_section(read_params(path), name, kind, path)


def read_folder(section: str, key: str, what: str, path: Path = PARAMS_FILE) -> Path:
    """One key that names a folder, read without the rest of its section.

    Args:
        section: of the parameter file.
        key: within it.
        what: the folder is, for the message.
        path: the parameter file.

    Raises:
        ParamsError: the parameter file or the key is missing.
    """
    values = read_params(path).get(section)
    folder = values.get(key) if isinstance(values, dict) else None
    if not isinstance(folder, str):
        raise ParamsError(f"{path}: {section}.{key}: expected {what}, got {folder!r}")
    return Path(folder)


def dataset_root(path: Path = PARAMS_FILE) -> Path:
    """The folder of the dataset, for the stages after ``prepare``, which open the photographs.

    It is ``dataset.root``, or the one of ``dataset.listed`` where that is a listing.

    These stages do not list ``dataset.root`` in dvc.yaml: ``images.parquet``, which they do list,
    holds a digest of every photograph, so that their input is known whatever the folder is called,
    and moving the dataset reruns ``prepare`` alone.

    Raises:
        ParamsError: the parameter file or the key is missing.
    """
    listed = (read_params(path).get("dataset") or {}).get("listed")
    if isinstance(listed, dict) and isinstance(listed.get("photographs"), str):
        return Path(listed["photographs"])
    return read_folder("dataset", "root", "the folder of the dataset", path)


def cache_folder(path: Path = PARAMS_FILE) -> Path:
    """The folder ``cache.folder``, which dvc.yaml lists as a dependency of the stages that call this.

    The other keys of section ``cache`` say how a cache is computed. A student's stage does not list
    them: it reruns with the content of the folder.

    Raises:
        ParamsError: the parameter file or the key is missing.
    """
    return read_folder("cache", "folder", "the folder of a teacher's cache", path)

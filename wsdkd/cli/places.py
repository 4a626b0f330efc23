"""Where a command may look and write: in a project's folder, and into nothing that DVC watches."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from wsdkd import project
from wsdkd.ground.errors import UserError
from wsdkd.ground.failures import naming
from wsdkd.ground.reading import read_text
from wsdkd.settings.sections import PARAMS_FILE

_PARAMETER = re.compile(r"\$\{([\w.]+)\}")


def require_project() -> None:
    """Refuse to say that there is nothing where there is no project.

    Raises:
        UserError: the current folder is no project's.
    """
    if not project.PIPELINE.is_file() and not PARAMS_FILE.is_file():
        raise UserError(
            f"{Path.cwd()}: not a project's folder: there is no {project.PIPELINE}; go to one that has it"
        )


def check_output(path: Path, *endings: str) -> None:
    """Refuse a place that a command is asked to write to, before it begins to work.

    Args:
        path: a file, as ``--to`` names it.
        endings: those that its name may have, with their dots.

    Raises:
        UserError: another ending, a folder that is not there, or a place that a stage of the pipeline
            reads or writes: the next ``dvc repro`` would run stages again, or delete the file.
    """
    if path.suffix not in endings:
        raise UserError(f"--to {path}: expected a name that ends in {' or '.join(endings)}")
    if not path.parent.is_dir():
        raise UserError(f"--to {path}: there is no folder {path.parent}; make it: mkdir -p {path.parent}")
    _refuse_watched("--to", path)


def _refuse_watched(option: str, path: Path) -> None:
    for folder in path.resolve().parents:
        pipeline = folder / project.PIPELINE
        if not pipeline.exists():
            continue
        for entry in watched(pipeline):
            place = (folder / entry).resolve()
            if place == path.resolve() or place in path.resolve().parents:
                raise UserError(
                    f"{option} {path}: DVC watches {entry}, and would run stages again or delete what is "
                    "written; choose another place"
                )


def check_new_folder(option: str, path: Path) -> None:
    """Refuse a folder that a command is asked to make and fill, before it begins to work.

    Raises:
        UserError: there is something of that name already, or a stage of the pipeline reads or writes there.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UserError(
            f"{option} {path}: there is something already; name another folder, or remove it first"
        )
    _refuse_watched(option, path)


def watched(pipeline: Path) -> list[str]:
    """All dependencies and outputs of the stages of a ``dvc.yaml``, relative to its folder.

    Raises:
        UserError: it is no YAML, or not a pipeline of DVC.
    """
    params = _loaded(pipeline.with_name(PARAMS_FILE.name))
    stages = _loaded(pipeline).get("stages")
    if not isinstance(stages, dict):
        raise UserError(f"{pipeline}: stages: expected the stages of a pipeline")
    entries = [entry for stage in stages.values() for entry in _entries(stage)]
    resolved = [_PARAMETER.sub(lambda found: _value(params, found[1]), entry) for entry in entries]
    # What no parameter fills, DVC would refuse.
    return [entry for entry in resolved if not _PARAMETER.search(entry)]


def _entries(stage: dict[str, Any]) -> Iterator[str]:
    for field in ("deps", "outs"):
        for entry in stage.get("do", stage).get(field, ()):
            # An output with options is a mapping from its path to them.
            yield from entry if isinstance(entry, dict) else (entry,)


def _value(params: dict[str, Any], name: str) -> str:
    value: Any = params
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else f"${{{name}}}"


def _loaded(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    text = read_text(path)
    with naming(path):
        content = YAML(typ="safe", pure=True).load(text)
    return content if isinstance(content, dict) else {}

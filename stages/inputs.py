"""What a stage depends on: code, parameters and data, as they were when it started.

DVC takes the hashes of a stage's dependencies after the stage has run. Where one was changed meanwhile, what
DVC records is not what ran, and the stage never reruns. So a stage holds on to what it started with:

- Its code is data/code/NAME, written by the stage ``code`` before. A stage whose modules no longer do what
  that file says refuses to start; what is edited while it runs changes the file only when ``code`` runs next.
- Its parameters are read when it starts and again when it ends, and have to be the same.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from wsdkd import project
from wsdkd.ground.code import Sources, differing
from wsdkd.ground.digests import digest, sha256
from wsdkd.ground.errors import UserError
from wsdkd.ground.failures import naming
from wsdkd.settings.sections import PARAMS_FILE, read_params

PARAMETER = re.compile(r"\$\{([\w.]+)\}")
LARGE = 64_000_000  # bytes; a larger file is known by its size and time, as hashing it takes long


@dataclass(frozen=True)
class Inputs:
    """Of one stage.

    Attributes:
        stage: its name.
        code: digest, by name, of each module that it imports.
        parameters: values of what dvc.yaml lists under ``params``.
        data: paths of what dvc.yaml lists under ``deps``, but for the code; None where it does not list the
            stage, which then is started by hand.
    """

    stage: str
    code: dict[str, str]
    parameters: dict[str, Any]
    data: tuple[Path, ...] | None

    def refuse_other_code(self) -> None:
        """See that the code is what the stage ``code`` has seen, if that has run here.

        Raises:
            UserError: names a module that does something else by now.
        """
        written = project.CODE / self.stage
        if not written.is_file():
            return  # started by hand, where DVC has not run
        changed = differing(written.read_text(encoding="utf-8"), self.code)
        if changed:
            raise UserError(
                f"{changed[0]}: changed since {written} was written, from which DVC knows what stage "
                f"{self.stage} runs; run: dvc repro --force code, and then this stage again"
            )

    def refuse_other_parameters(self) -> None:
        """See that the parameters still are what they were, before their result is recorded.

        Raises:
            UserError: names a parameter that was changed meanwhile.
        """
        now = read_params(PARAMS_FILE) if self.parameters else {}
        for name, value in self.parameters.items():
            for key, old, new in _differences(name, value, _value(now, name)):
                raise UserError(
                    f"{PARAMS_FILE}: {key}: changed from {old} to {new} while stage {self.stage} ran with "
                    f"{old}; run: dvc repro, with {old} again to keep what was computed"
                )

    def changed_since_last_run(self) -> list[tuple[str, Any, Any]]:
        """Name, old and new value of each parameter that differs from that of the last run DVC recorded.

        Raises:
            UserError: dvc.lock is damaged.
        """
        if not project.LOCK.is_file():
            return []
        with naming(project.LOCK):
            lock = YAML(typ="safe", pure=True).load(project.LOCK.read_text(encoding="utf-8")) or {}
        recorded = (lock.get("stages") or {}).get(self.stage, {}).get("params", {}).get(PARAMS_FILE.name, {})
        return [
            each
            for name, value in self.parameters.items()
            if name in recorded
            for each in _differences(name, recorded[name], value)
        ]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, shortened, over the code, the data and the parameters.

        Raises:
            UserError: dvc.yaml lists no such stage, or a file or folder that is not there.
        """
        if self.data is None:
            raise UserError(
                f"{project.PIPELINE}: lists no stage {self.stage}; add it, with what it depends on"
            )
        contents: dict[str, str] = {}
        for path in sorted(self.data):
            if not path.exists():
                raise UserError(f"{path}: missing, and stage {self.stage} depends on it; run: dvc repro")
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if file.is_file():
                    contents[file.as_posix()] = _content(file)
        return digest([self.code, self.parameters, contents])[:16]


def read_inputs(stage: str) -> Inputs:
    """What ``stage`` depends on now.

    Raises:
        UserError: dvc.yaml is damaged, or params.yaml is missing or refused.
    """
    code = Sources().digests(f"stages.{stage}")
    listed = {}
    if project.PIPELINE.is_file():
        with naming(project.PIPELINE):
            listed = YAML(typ="safe", pure=True).load(project.PIPELINE.read_text(encoding="utf-8"))["stages"]
    if stage not in listed:
        return Inputs(stage, code, {}, None)
    entry = listed[stage].get("do", listed[stage])
    params = read_params(PARAMS_FILE) if "params" in entry else {}
    paths = [Path(_resolved(text, params)) for text in entry.get("deps", [])]
    return Inputs(
        stage,
        code,
        {name: _value(params, name) for name in entry.get("params", [])},
        tuple(path for path in paths if path.parent != project.CODE),
    )


def _resolved(text: str, params: dict[str, Any]) -> str:
    """An entry of dvc.yaml with the values of the parameters that it names: ``${section.key}``."""
    return PARAMETER.sub(lambda found: str(_value(params, found[1])), text)


def _content(file: Path) -> str:
    status = file.stat()
    if status.st_size > LARGE:
        return f"{status.st_size} {status.st_mtime_ns}"
    return sha256(file)


def _value(params: dict[str, Any], name: str) -> Any:
    value: Any = params
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _differences(name: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """Full name of each key whose value is another, with both values."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _differences(f"{name}.{key}", old.get(key), new.get(key))
    elif old != new:
        yield name, old, new

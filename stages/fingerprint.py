"""What a stage depends on, in one word: names the scratch folder in which it resumes."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import yaml

from wsdkd import project
from wsdkd.settings.sections import PARAMS_FILE, read_params
from wsdkd.training.resume import Resume

PARAMETER = re.compile(r"\$\{([\w.]+)\}")
LARGE = 64_000_000  # bytes; a larger file is known by its size and time, as hashing it takes long


def resume(stage: str) -> Resume:
    """Where ``stage`` keeps what it would need after an interruption; states of other inputs go."""
    folder = project.RESUME / stage
    name = fingerprint(stage)
    for other in sorted(folder.glob("*")) if folder.is_dir() else []:
        if other.name != name:
            Resume(other).clear()
    return Resume(folder / name)


def fingerprint(stage: str) -> str:
    """SHA-256, shortened, over the files and parameters that dvc.yaml lists for ``stage``."""
    entry = yaml.safe_load(project.PIPELINE.read_text(encoding="utf-8"))["stages"][stage]
    params = read_params(PARAMS_FILE)
    total = hashlib.sha256()
    for dependency in sorted(_resolved(text, params) for text in entry["deps"]):
        path = Path(dependency)
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file():
                total.update(f"{file.as_posix()} {_content(file)}\n".encode())
    for name in entry.get("params", []):
        total.update(f"{name} {json.dumps(_value(params, name), sort_keys=True)}\n".encode())
    return total.hexdigest()[:16]


def _resolved(text: str, params: dict[str, Any]) -> str:
    """An entry of dvc.yaml with the values of the parameters that it names: ``${section.key}``."""
    return PARAMETER.sub(lambda found: str(_value(params, found[1])), text)


def _content(file: Path) -> str:
    status = file.stat()
    if status.st_size > LARGE:
        return f"{status.st_size} {status.st_mtime_ns}"
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _value(params: dict[str, Any], name: str) -> Any:
    value: Any = params
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value

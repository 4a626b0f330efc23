"""A pipeline that has run once on the smoke profile, and copies of it in which something goes wrong."""

import atexit
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil
from ruamel.yaml import YAML

from tests.pipeline.clone import Clone, has_this_code, make_clone
from wsdkd.ground.errors import UserError

STAGES = (
    "draw_scenes@scenes",
    "prepare",
    "propose",
    "train_teacher",
    "cache_teacher",
    "train_baseline",
    "distill_features",
    "distill_predictions",
    "evaluate",
)
TRAINING = ("train_teacher", "train_baseline", "distill_features", "distill_predictions")
KEPT, SECONDS = "WSDKD_FAULTS_PIPELINE", "processor_seconds.json"
"""The variable that names a folder for the pipeline that ran undisturbed, and the file with its times."""
MOST_SECONDS = 900
"""Within which a command ends, or hangs; a busy machine takes many times what a quiet one does."""


@dataclass(frozen=True)
class Reference:
    """A pipeline that ran undisturbed.

    Attributes:
        clone: where it lies; nobody changes it.
        seconds: of a processor that each stage took, with DVC around it: other work does not change them.
    """

    clone: Clone
    seconds: Mapping[str, float]

    def copy(self, to: Path) -> Clone:
        """A working copy of it, in a folder of its own."""
        shutil.copytree(self.clone.root, to / "project", symlinks=True)
        return Clone(to / "project", workers=1)


@cache
def reference() -> Reference:
    """A pipeline that is run once, stage by stage, for all campaigns of this process.

    It is kept in the folder that :data:`KEPT` names, where that is set, and taken from there the next time.

    Raises:
        UserError: the folder holds one of other code.
    """
    kept = os.environ.get(KEPT)
    if not kept:
        folder = Path(tempfile.mkdtemp(prefix="wsdkd-reference-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return _made(folder)
    folder = Path(kept)
    if not (folder / SECONDS).is_file():
        return _made(folder)
    clone = Clone(folder / "project", workers=1)
    if not has_this_code(clone.root):
        raise UserError(f"{folder}: a pipeline of other code than this; remove it, or name another folder")
    return Reference(clone, json.loads((folder / SECONDS).read_text(encoding="utf-8")))


def _made(folder: Path) -> Reference:
    clone = make_clone(folder / "project", workers=1)
    seconds = {}
    for stage in ("code", *STAGES):
        before = ended_children()
        clone.dvc("repro", "--single-item", stage)
        seconds[stage] = ended_children() - before
    (folder / SECONDS).write_text(json.dumps(seconds), encoding="utf-8")
    return Reference(clone, seconds)


def ended_children() -> float:
    """Seconds of a processor that all have taken which this process started, and which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def worked(pid: int) -> float:
    """Seconds of a processor that a process and all below it have taken, those that have ended included."""
    seconds = 0.0
    with suppress(psutil.Error):
        top = psutil.Process(pid)
        for one in (top, *top.children(recursive=True)):
            with suppress(psutil.Error):
                times = one.cpu_times()
                seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def recorded(clone: Clone) -> dict[str, str]:
    """What has to be the same to the last byte."""
    names = ("dvc.lock", "reports/accuracy.json")
    return {name: _sha256(clone.root / name) for name in names}


def outputs(clone: Clone, stage: str) -> dict[str, str]:
    """Digest of each file among the outputs of a stage."""
    text = (clone.root / "dvc.yaml").read_text(encoding="utf-8")
    entry: Any = YAML(typ="safe", pure=True).load(text)["stages"][stage.partition("@")[0]]
    outs = [out if isinstance(out, str) else next(iter(out)) for out in entry.get("do", entry)["outs"]]
    files = [
        file
        for out in outs
        for file in ([clone.root / out] if (clone.root / out).is_file() else (clone.root / out).rglob("*"))
    ]
    return {file.relative_to(clone.root).as_posix(): _sha256(file) for file in files if file.is_file()}


def forget_outputs(clone: Clone, stage: str) -> None:
    """Take a stage's outputs out of DVC's storage, from which it would bring them back in place of a run."""
    text = (clone.root / "dvc.lock").read_text(encoding="utf-8")
    recorded: Any = YAML(typ="safe", pure=True).load(text)["stages"][stage]
    for out in recorded["outs"]:
        stored = clone.root / ".dvc/cache/files/md5" / out["md5"][:2] / out["md5"][2:]
        stored.unlink(missing_ok=True)


def leftovers(clone: Clone) -> list[str]:
    """Unfinished files and folders beside what was written."""
    found = []
    for top in ("data", "models", "reports"):
        found += [
            path.relative_to(clone.root).as_posix()
            for path in (clone.root / top).rglob("*")
            if path.name.endswith((".part", ".old"))
        ]
    return found


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its status, what it printed, and how long it took."""

    status: int
    output: str
    errors: str
    seconds: float


def start(
    clone: Clone,
    command: Sequence[str],
    *,
    stdout: Any = subprocess.PIPE,
    within: Sequence[str] = (),
    **variables: str,
) -> subprocess.Popen[str]:
    """Start a module of Python in a session of its own; see :func:`run`."""
    return subprocess.Popen(
        [*within, sys.executable, "-m", *command],
        cwd=clone.root,
        env={**clone.environment(), **variables},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(
    clone: Clone,
    command: Sequence[str],
    *,
    within: Sequence[str] = (),
    **variables: str,
) -> Ended:
    """Run a module of Python to its end.

    Args:
        clone: in whose folder.
        command: the module and its arguments.
        within: a command that sets limits and then becomes the one that stands behind it.
        variables: of its environment.
    """
    started = time.perf_counter()
    process = start(clone, command, within=within, **variables)
    try:
        output, errors = process.communicate(timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, errors = process.communicate()
        errors += f"\nerror: not ended within {MOST_SECONDS} s"
    return Ended(process.returncode, output, errors, time.perf_counter() - started)


def is_told(ended: Ended, most_lines: int = 2) -> bool:
    """Whether a command that failed said so as it should: in a line or two, and without a traceback."""
    lines = [line for line in ended.errors.replace("\r", "\n").splitlines() if line.startswith("error:")]
    return ended.status > 0 and "Traceback" not in ended.errors and 1 <= len(lines) <= most_lines


def working_in(folder: Path) -> Iterator[psutil.Process]:
    """The processes whose current folder is ``folder``."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == folder:
                yield process


@contextmanager
def swept(folder: Path) -> Iterator[Path]:
    """A folder for one case; what still runs in its project afterwards is ended, and it is removed."""
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        for process in working_in(folder / "project"):
            with suppress(psutil.Error):
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)

"""Scarce resources: a full disk, few files, little memory, folders without permission, a clock set back."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

from benchmarks.faults import pipeline
from benchmarks.faults.case import Campaign, Case, one_line
from benchmarks.faults.pipeline import STAGES, Ended, Reference
from tests.pipeline.clone import Clone

NOBODY = 65534
MEMORY = (400_000, 900_000, 1_500_000, 2_500_000)
"""Kilobytes, for ``ulimit -v``: from less than Python's libraries take to less than some stages do."""
ROOM = (0, 4096, 64 * 1024, 512 * 1024)
"""Bytes that are left on the disk."""
PAGE, SPARE = 4096, 256 << 20
DAY = 86_400

COMMANDS: Mapping[str, tuple[str, ...]] = {
    **{stage: (f"stages.{stage.partition('@')[0]}",) for stage in STAGES},
    "predict --to": ("wsdkd", "predict", "data/scenes/images/test", "--model", "student", "--to", "l.csv"),
    "promotion": ("wsdkd", "promoted", "consider"),
}

Shortage = Callable[["_Try"], Ended | None]


def run(seed: int, numbers: Sequence[int], base: Path) -> Iterator[Case]:
    """Run stages and commands, each in a copy of a pipeline that has run, in want of something."""
    yield from wanting(seed, numbers, base, pipeline.reference())


def wanting(seed: int, numbers: Sequence[int], base: Path, whole: Reference) -> Iterator[Case]:
    """As :func:`run`, of a pipeline that has run already."""
    # The shortages in turn, and with each turn other stages: a part of a campaign tries some of each.
    pairs = [
        (list(COMMANDS)[(turn + place) % len(COMMANDS)], name)
        for turn in range(len(COMMANDS))
        for place, name in enumerate(SHORTAGES)
    ]
    for number in numbers:
        what, name = pairs[number]
        started = time.perf_counter()
        rng = Random(f"{seed}/{number}")  # noqa: S311
        with pipeline.swept(base / f"want-{number}") as folder:
            attempt = _Try(what, rng, folder, whole)
            ended = SHORTAGES[name](attempt)
            found, said = attempt.judged(ended)
        good = found in ("same result", "refused, then the same result", "not possible here")
        seconds = round(time.perf_counter() - started, 1)
        yield Case(number, what, f"{name}{attempt.detail}", found, good, seconds, 0, said)


class _Try:
    """A stage or command that is run in want of something, and then again.

    Args:
        what: it is.
        rng: draws how much there is.
        folder: an empty one.
        whole: the pipeline as it ran undisturbed.
    """

    def __init__(self, what: str, rng: Random, folder: Path, whole: Reference):
        self.what, self.rng, self.folder, self.whole = what, rng, folder, whole
        self.command = COMMANDS[what]
        self.detail = ""
        self.verdict: tuple[str, str] | None = None
        self._clone: Clone | None = None

    @property
    def clone(self) -> Clone:
        """A copy of the pipeline, made when it is first asked for."""
        if self._clone is None:
            self._clone = self.whole.copy(self.folder)
        return self._clone

    def judged(self, ended: Ended | None) -> tuple[str, str]:
        """What became of it, and what was said."""
        if self.verdict is not None:
            return self.verdict
        if ended is None:
            return "not possible here", ""
        said = one_line(ended.errors)
        if ended.status == 0:
            return ("same result" if self._is_same() else "another result"), ""
        if not pipeline.is_told(ended):
            return "traceback" if "Traceback" in ended.errors else f"status {ended.status}, not told", said
        again = pipeline.run(self.clone, self.command)
        if again.status != 0:
            return "not recovered", one_line(again.errors)
        return ("refused, then the same result" if self._is_same() else "another result"), said

    def _is_same(self) -> bool:
        if self.what not in STAGES:
            return True  # what a student says and who is promoted is compared by other campaigns
        return pipeline.outputs(self.clone, self.what) == pipeline.outputs(self.whole.clone, self.what)


def _full_disk(attempt: _Try) -> Ended | None:
    files = [path.stat().st_size for path in attempt.whole.clone.root.rglob("*") if path.is_file()]
    needed = sum(files) + PAGE * 2 * len(files)
    with _small_disk(attempt.folder, needed + SPARE) as is_there:
        if not is_there:
            return None
        clone, room = attempt.clone, attempt.rng.choice(ROOM)
        attempt.detail = f", {room:,} bytes left"
        filler = attempt.folder / "filler"
        with filler.open("wb") as file:
            file.truncate(0)
            free = shutil.disk_usage(attempt.folder).free
            while free > room:
                file.write(bytes(min(1 << 20, free - room)))
                file.flush()
                free = shutil.disk_usage(attempt.folder).free
        ended = pipeline.run(clone, attempt.command)
        filler.unlink()
        attempt.verdict = attempt.judged(ended)  # here, as the disk goes
        return ended


@contextmanager
def _small_disk(folder: Path, size: int) -> Iterator[bool]:
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607


def _few_files(attempt: _Try) -> Ended:
    return pipeline.run(attempt.clone, attempt.command, within=_limited("ulimit -n 32"))


def _large_files(attempt: _Try) -> Ended:
    return pipeline.run(attempt.clone, attempt.command, within=_limited("ulimit -f 8"))


def _little_memory(attempt: _Try) -> Ended:
    most = attempt.rng.choice(MEMORY)
    attempt.detail = f", {most // 1000:,} MB"
    return pipeline.run(attempt.clone, attempt.command, within=_limited(f"ulimit -v {most}"))


def _limited(limit: str) -> tuple[str, ...]:
    return "sh", "-c", f'{limit} && exec "$@"', "sh"


def _another_user(attempt: _Try) -> Ended | None:
    """Somebody who may read everything and write nothing."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return None
    clone = attempt.clone
    for folder in (attempt.folder.parent, attempt.folder, clone.root):
        folder.chmod(folder.stat().st_mode | 0o055)
    within = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    return pipeline.run(
        clone, attempt.command, within=within, PYTHONDONTWRITEBYTECODE="1", HOME="/nonexistent"
    )


def _read_only_folders(attempt: _Try) -> Ended | None:
    """Folders of results that their own owner may not write into."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return None
    clone = attempt.clone
    attempt.folder.parent.chmod(0o755)
    subprocess.run(["chown", "-R", str(NOBODY), str(attempt.folder)], check=True)  # noqa: S607
    closed = [path for name in ("data", "models", "reports") for path in _folders(clone.root / name)]
    for path in closed:
        path.chmod(0o555)
    within = ("setpriv", f"--reuid={NOBODY}", "--clear-groups")
    ended = pipeline.run(
        clone, attempt.command, within=within, PYTHONDONTWRITEBYTECODE="1", HOME="/nonexistent"
    )
    for path in closed:
        path.chmod(0o755)
    return ended


def _folders(top: Path) -> list[Path]:
    return [top, *(path for path in top.rglob("*") if path.is_dir() and not path.is_symlink())]


def _clock_set_back(attempt: _Try) -> Ended:
    """All that is there was written tomorrow."""
    tomorrow = time.time() + DAY
    for path in attempt.clone.root.rglob("*"):
        if path.is_file() and not path.is_symlink() and ".git" not in path.parts:
            os.utime(path, (tomorrow, tomorrow))
    return pipeline.run(attempt.clone, attempt.command)


SHORTAGES: Mapping[str, Shortage] = {
    "a full disk": _full_disk,
    "32 open files": _few_files,
    "little memory": _little_memory,
    "files of 8 KiB at most": _large_files,
    "another user": _another_user,
    "read-only folders": _read_only_folders,
    "a clock set back": _clock_set_back,
}

RESOURCES = Campaign(
    "resources",
    "Scarce resources",
    len(COMMANDS) * len(SHORTAGES),
    run,
    "Each stage, a prediction and a promotion run once more in a copy of a finished pipeline, in want "
    "of something: a disk that is full up to some bytes (a small file system in memory), 32 open "
    "files, an address space of 0.4 to 2.5 GB, files of 8 KiB at most, a user who may not write, "
    "folders that are read-only, and a clock that was set back by a day. Right is the *same result* "
    "to the last byte, or a *refusal* in at most two lines that begin with `error:`, after which the "
    "same command, in want of nothing, gives the *same result*. Some need the rights of root, and are "
    "*not possible here* without.",
)

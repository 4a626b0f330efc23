"""One flow run at a time in a project, and no lock of DVC's that a killed process left behind."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil
from dvc.lock import LockError, make_lock

from flows.project import HOME, ROOT

LOCK = HOME / "retrain.lock"
POLL_SECONDS = 2.0

_held: IO[str] | None = None


class BusyError(Exception):
    """Another flow run works in this project; the message names it."""


@contextmanager
def project_lock(
    name: str,
    wait_seconds: float,
    log: Callable[[str], None],
    given_up: Callable[[], bool] = lambda: False,
    path: Path | None = None,
) -> Iterator[int]:
    """Hold the project for one flow run, and yield the descriptor that holds it.

    The kernel lets go of the lock when the last process that inherited the descriptor has ended: a
    flow that was killed keeps it until its guards have ended their stages. ``filelock`` hands its
    descriptor to nobody, and so would let go of it with the flow. Within one process the lock may be
    taken again.

    Args:
        name: of the run, for whoever has to wait.
        wait_seconds: how long to wait for another run.
        log: told once that, and for whom, this run waits.
        given_up: asked while it waits.
        path: the lock's file; by default the project's.

    Raises:
        BusyError: another run still holds the project after ``wait_seconds``, or when the wait is given up.
    """
    global _held  # noqa: PLW0603
    if _held is not None:
        yield _held.fileno()
        return
    path = path or LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        _take(file, wait_seconds, log, given_up)
        file.seek(0)
        file.truncate()
        file.write(f"{name} (process {os.getpid()})\n")
        file.flush()
        _held = file
        try:
            yield file.fileno()
        finally:
            _held = None


def _take(
    file: IO[str], wait_seconds: float, log: Callable[[str], None], given_up: Callable[[], bool]
) -> None:
    until, told = time.monotonic() + wait_seconds, False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "a run that has only just started"
        if time.monotonic() >= until or given_up():
            raise BusyError(f"flow run {holder} works in this project; start again when it has ended")
        if not told:
            log(f"Waiting for flow run {holder}, which works in this project.")
            told = True
        time.sleep(min(POLL_SECONDS, max(0.05, until - time.monotonic())))


def drop_dead_locks(root: Path = ROOT) -> list[str]:
    """Remove from DVC's table of locks what killed processes left; call it with the project's lock held.

    DVC drops the locks of process ids that no longer exist. It goes on to honour the lock of an id
    that now belongs to another program, and refuses to start at all when a killed DVC has left half
    a table.

    Returns:
        What was removed, in words.
    """
    table = root / ".dvc/tmp/rwlock"
    if not table.exists():
        return []
    try:
        # The lock under which DVC itself changes the table.
        with make_lock(str(table.with_name("rwlock.lock")), tmp_dir=str(table.parent)):
            return _without_dead(table, root)
    except LockError:
        return []  # somebody's DVC is at it, and in order


def _without_dead(table: Path, root: Path) -> list[str]:
    try:
        locks = json.loads(table.read_text(encoding="utf-8"))
        kept = {
            "write": {path: each for path, each in locks.get("write", {}).items() if _is_dvc(each["pid"])},
            "read": {
                path: alive
                for path, readers in locks.get("read", {}).items()
                if (alive := [each for each in readers if _is_dvc(each["pid"])])
            },
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        table.unlink()
        return [f"{table.relative_to(root)}: not a whole table of locks; removed"]
    before = {*locks.get("write", {}), *locks.get("read", {})}
    dropped = sorted(before - {*kept["write"], *kept["read"]})
    if dropped:
        table.write_text(json.dumps(kept), encoding="utf-8")
    return [f"{path}: locked by a process that has ended; unlocked" for path in dropped]


def _is_dvc(pid: int) -> bool:
    try:
        return any("dvc" in word for word in psutil.Process(pid).cmdline())
    except psutil.Error:
        return False

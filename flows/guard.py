"""Runs a command so that none of its processes outlives its caller: ``python -m flows.guard COMMAND...``.

The guard's standard input is a pipe whose other end the caller, a flow or a suite of experiments, holds
and never writes to. When the caller ends, however it ends, the pipe closes, and the guard ends all that
the command started: DVC, the stage, the stage's workers, those of torchrun in sessions of their own.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from types import FrameType

import psutil

# First what Ctrl-C does, which DVC and the stages clean up after; 10 seconds are promised in all.
# The last step comes twice, for what was started while the list of the first one was made.
STEPS = ((signal.SIGINT, 4.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 1.0), (signal.SIGKILL, 1.0))
_PR_SET_CHILD_SUBREAPER = 36


class StopRequest(Exception):  # noqa: N818
    """The caller has ended or wants the command to end."""


def main(command: list[str]) -> int:
    """Run ``command`` until it or the caller ends; its exit status, or 128 and the signal that ended it."""
    _adopt_orphans()
    try:
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, _stop)
        threading.Thread(target=_watch_caller, daemon=True).start()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
        status = child.wait()
        _ignore_signals()
    except StopRequest:
        status = -signal.SIGINT
    finally:
        end_descendants()
    return status if status >= 0 else 128 - status


def end_descendants() -> None:
    """End all processes below this one, gently at first."""
    for number, patience in STEPS:
        descendants = psutil.Process().children(recursive=True)
        if not descendants:
            return
        for process in descendants:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(descendants, timeout=patience)


def _adopt_orphans() -> None:
    # A process whose parent has died becomes a child of the guard, which so finds it.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _watch_caller() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _ignore_signals() -> None:
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)


def _stop(_number: int, _frame: FrameType | None) -> None:
    # Once is enough: another signal must not interrupt the ending.
    _ignore_signals()
    raise StopRequest


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""One stage, run by DVC; what DVC did, and whether another try may help."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flows.processes import Processes

RAN, RESTORED, PULLED, UNCHANGED = "Ran", "Restored", "Pulled", "Unchanged"

# How DVC says what it does, and what went wrong.
_DID = (
    (re.compile(r"^Running stage '"), RAN),
    (re.compile(r"^Stage '.*' is cached - skipping run"), RESTORED),
    (re.compile(r"^Pulling data for "), PULLED),
)
_COMMAND_FAILED = re.compile(r"^ERROR: failed to reproduce .*failed to run: ")
_PASSING = re.compile(
    r"^ERROR: .*("
    r"is busy, it is being blocked by|Unable to acquire lock|Another DVC process"  # another DVC
    r"|failed to (pull|push|fetch|download|upload)|Could not connect|Connection|timed? ?out"  # the remote
    r"|Temporary failure|Network is unreachable|SlowDown|50[0234]"
    r")",
    re.IGNORECASE,
)


class DvcError(Exception):
    """A command of DVC failed, for a reason that another try would meet again."""


class DvcHinderedError(DvcError):
    """A command of DVC failed for a lock or a remote, and may succeed the next time."""


@dataclass(frozen=True)
class Outcome:
    """What became of a stage.

    Attributes:
        name: of the stage.
        did: ``RAN``, ``RESTORED`` (from DVC's cache), ``PULLED`` (from the remote) or ``UNCHANGED``.
        seconds: that it took, waiting for its turn left out.
        command: repeats it by hand.
    """

    name: str
    did: str
    seconds: float
    command: str


def repro_command(name: str, pull: bool) -> list[str]:
    """What runs one stage; a remote is asked for what is missing if ``pull``."""
    return ["dvc", "--wait-for-lock", "repro", "--single-item", *(["--pull"] if pull else []), name]


def run_stage(name: str, pull: bool, processes: Processes, log: Callable[[str], None]) -> Outcome:
    """Let DVC bring one stage up to date.

    Raises:
        DvcHinderedError, DvcError: with the last lines that were printed.
        StoppedError: the flow run is ending.
    """
    command = repro_command(name, pull)
    did = UNCHANGED

    def note(line: str) -> None:
        nonlocal did
        did = next((found for pattern, found in _DID if pattern.match(line)), did)
        log(line)

    started = time.monotonic()
    run_dvc(command, processes, note)
    return Outcome(name, did, time.monotonic() - started, " ".join(command))


def run_dvc(command: Sequence[str], processes: Processes, log: Callable[[str], None]) -> None:
    """Run a command of DVC.

    Raises:
        DvcHinderedError, DvcError: with the last lines that were printed.
        StoppedError: the flow run is ending.
    """
    ended = processes.run(command, log)
    if ended.status:
        kind = DvcHinderedError if is_passing(ended.last_lines) else DvcError
        raise kind(f"{' '.join(command)} ended with status {ended.status}:\n" + "\n".join(ended.last_lines))


def is_passing(lines: Sequence[str]) -> bool:
    """Whether DVC's errors among ``lines`` are those of a lock or a remote, not of a stage's command."""
    errors = [line for line in lines if line.startswith("ERROR: ")]
    if any(_COMMAND_FAILED.match(line) for line in errors):
        return False
    return any(_PASSING.match(line) for line in errors)

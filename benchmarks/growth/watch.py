"""A process of which time and memory are taken, its workers included."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.growth import launch
from wsdkd.ground.errors import UserError


@dataclass(frozen=True)
class Usage:
    """What a process took.

    Attributes:
        seconds: from its start to its end.
        cpu_seconds: of all cores, its workers' as well.
        peak_bytes: greatest resident memory of the largest single process among it and its workers, as the
            kernel counts it (``ru_maxrss`` of ``wait4``).
        together_bytes: greatest memory of it and its workers together, a page that several share counted
            once (the sum of ``Pss`` in ``smaps_rollup``), by samples; None where the kernel does not tell.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    together_bytes: int | None


class FailedError(UserError):
    """A process ended with another status than 0."""


def watch(command: Sequence[str], log: Path, variables: Mapping[str, str]) -> Usage:
    """Run a command to its end.

    Args:
        command: its first word is a program.
        log: takes what it prints.
        variables: of the environment, besides this process's.

    Raises:
        FailedError: says what it printed last.
    """
    told = subprocess.run(
        [sys.executable, "-P", launch.__file__, str(log), *command],
        stdout=subprocess.PIPE,
        env={**os.environ, **variables},
        check=True,
    )
    found = json.loads(told.stdout)
    status = found.pop("status")
    if status:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise FailedError(f"{' '.join(command)}: status {status}: {' / '.join(lines[-3:])}")
    return Usage(**found)

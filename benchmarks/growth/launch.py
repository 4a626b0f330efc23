"""Runs a command from a process that is small, and prints as JSON what it took.

    python launch.py LOG COMMAND ...

Until a process loads its program, the kernel counts for it what the process holds that started it: one that
has loaded torch would hide whatever takes less. So this is run by its path, and imports nothing beyond the
standard library.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from time import perf_counter

EVERY_SECONDS = 0.2
KIB = 1024


def launch(log: Path, command: Sequence[str]) -> dict[str, float | int | None]:
    """Run a command to its end: its ``status``, and the fields of :class:`benchmarks.growth.watch.Usage`."""
    started = perf_counter()
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    over, samples = Event(), [0]
    sampler = Thread(target=_sample, args=(process.pid, over, samples), daemon=True)
    sampler.start()
    try:
        _, status, used = os.wait4(process.pid, 0)
    except BaseException:
        process.kill()
        raise
    finally:
        over.set()
        sampler.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "status": process.returncode,
        "seconds": perf_counter() - started,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * (1 if sys.platform == "darwin" else KIB),
        "together_bytes": max(samples) or None,
    }


def _sample(pid: int, over: Event, samples: list[int]) -> None:
    while not over.wait(EVERY_SECONDS):
        samples[0] = max(samples[0], sum(map(_proportional, _family(pid))))


def _family(pid: int) -> Iterator[int]:
    """A process with its children and theirs."""
    yield pid
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in listed.read_text(encoding="ascii").split():
                yield from _family(int(child))


def _proportional(pid: int) -> int:
    # A process that has just ended has no memory.
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * KIB
    return 0


if __name__ == "__main__":
    print(json.dumps(launch(Path(sys.argv[1]), sys.argv[2:])))

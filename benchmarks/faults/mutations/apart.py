"""A function run in a process of its own, forked from this one, within limits of time and memory.

To start Python and to import what reads a dataset takes seconds, a fork some hundredths of one: so two
thousand damaged files can be read, each by a process that knows nothing of those before.
"""

import os
import pickle
import resource
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import psutil

from wsdkd.ground.allocator import give_back_freed_memory
from wsdkd.ground.failures import in_words

MOST_SECONDS = 30.0
LOOK_AGAIN = 0.25
"""Seconds after which it is looked again what a child does that has not answered."""
MOST_BYTES = 2 * 10**9

End = Literal["done", "refused", "defect", "memory", "hang", "died"]


@dataclass(frozen=True)
class Ending:
    """How a function ended that was run apart.

    Attributes:
        end: with a value, with what a user is told, with a defect of the program, for want of memory, not in
            time, or by a signal.
        value: what it returned.
        said: what a user is told, or the last lines of a traceback.
        seconds: from its start to its end.
        peak_bytes: memory that it took beyond what this process holds, at its peak.
    """

    end: End
    value: Any
    said: str
    seconds: float
    peak_bytes: int


def run_apart(
    function: Callable[[], Any], *, seconds: float = MOST_SECONDS, most_bytes: int = MOST_BYTES
) -> Ending:
    """Call ``function`` in a child process, with its standard streams thrown away.

    Args:
        function: whose value can be pickled.
        seconds: of a processor, or of waiting for something else, after which the child is killed; how long
            it is kept from a processor by other work does not count.
        most_bytes: memory that it may take beyond what this process has now.
    """
    # A child that takes what is kept here would seem to take nothing.
    give_back_freed_memory()
    held = _status("VmSize")
    read, write = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.close(read)
        _be_the_child(function, write, held + most_bytes)
    os.close(write)
    content, over = _received(read, child, seconds)
    os.close(read)
    if over:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    took = time.perf_counter() - started
    if over:
        return Ending("hang", None, f"killed after {seconds:.0f} s of work, or of waiting", took, 0)
    if not content:
        number = os.waitstatus_to_exitcode(status)
        return Ending("died", None, f"ended with status {number}", took, 0)
    end, value, said, peak = pickle.loads(content)  # noqa: S301, what this program has just written
    return Ending(end, value, said, took, peak)


def _received(pipe: int, child: int, seconds: float) -> tuple[bytes, bool]:
    """All that a child writes, and whether its time was over before it closed its end."""
    parts: list[bytes] = []
    worked, since = 0.0, time.perf_counter()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if not selector.select(LOOK_AGAIN):
                now, sleeps = _work_of(child)
                if now > worked or not sleeps:
                    worked, since = now, time.perf_counter()
                if worked > seconds or time.perf_counter() - since > seconds:
                    return b"", True
                continue
            part = os.read(pipe, 1 << 16)
            if not part:
                return b"".join(parts), False
            parts.append(part)


def _work_of(child: int) -> tuple[float, bool]:
    """Seconds of a processor that a process has taken, and whether it waits for anything but one."""
    with suppress(psutil.Error):
        process = psutil.Process(child)
        times = process.cpu_times()
        return times.user + times.system, process.status() == psutil.STATUS_SLEEPING
    return 0.0, False


def _be_the_child(function: Callable[[], Any], pipe: int, most: int) -> NoReturn:
    end: End
    try:
        os.setpgid(0, 0)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak counts from here
        before = _status("VmHWM")
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        value, said = None, ""
        try:
            value = function()
            end = "done"
        except BaseException as error:
            out_of_memory = isinstance(error, MemoryError) or "memory" in (in_words(error) or "")
            words = in_words(error)
            if out_of_memory:
                end, said = "memory", words or repr(error)
            elif words is None:
                end, said = "defect", "".join(traceback.format_exception(error)[-4:])
            else:
                end, said = "refused", words
        told = pickle.dumps((end, value, said, max(0, _status("VmHWM") - before)))
        while told:
            told = told[os.write(pipe, told) :]
    finally:
        os._exit(0)


def _status(name: str) -> int:
    """A figure of this process's memory in bytes, as Linux tells it; 0 where it does not."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith(f"{name}:"):
                return 1024 * int(line.split()[1])
    return 0

"""The processes of a flow run: each behind a guard, all ended together; and what they print, as log lines."""

import codecs
import os
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from flows.project import ROOT

LAST_LINES = 30
PROGRESS_SECONDS = 15.0

# A carriage return with nothing behind it yet may be half of "\r\n".
_LINE = re.compile(r"([^\r\n]*)(\r\n|\n|\r(?=.))", re.DOTALL)


class StoppedError(Exception):
    """The flow run is being cancelled or ended, and starts nothing any more."""


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        status: exit status.
        output: what it wrote to standard output, where that was kept apart; else empty.
        last_lines: the end of all that it printed.
    """

    status: int
    output: str
    last_lines: tuple[str, ...]


class Processes:
    """Starts commands in the project's folder, and ends them."""

    def __init__(self) -> None:
        self._kept_open: list[int] = []
        self._running: set[subprocess.Popen[bytes]] = set()
        self._mutex = threading.Lock()
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stopped

    def keep_open(self, descriptor: int) -> None:
        """Let guards inherit a descriptor, so that a lock is held until their commands are gone."""
        self._kept_open.append(descriptor)

    def run(self, command: Sequence[str], log: Callable[[str], None], *, keep_output: bool = False) -> Ended:
        """Run a command to its end, and log its lines as they come.

        Args:
            command: found on the path, on which the environment's own programs come first.
            log: takes a line.
            keep_output: return standard output instead of logging it; standard error is logged.

        Raises:
            StoppedError: :meth:`stop` was called, before or meanwhile.
        """
        last: deque[str] = deque(maxlen=LAST_LINES)

        def note(line: str) -> None:
            last.append(line)
            log(line)

        process = self._start(command, keep_output)
        try:
            output = _Collector(_pipe(process.stdout)) if keep_output else None
            streamed = _pipe(process.stderr if keep_output else process.stdout)
            lines = Lines()
            while data := os.read(streamed.fileno(), 65536):
                for line in lines.feed(data):
                    note(line)
            for line in lines.end():
                note(line)
            status = process.wait()
        finally:
            # Whatever was raised here, the command does not go on unseen: its guard sees the pipe close.
            _pipe(process.stdin).close()
            process.wait()
            with self._mutex:
                self._running.discard(process)
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        if self._stopped:
            raise StoppedError(f"{' '.join(command)}: ended with the flow run")
        return Ended(status, output.text() if output else "", tuple(last))

    def stop(self) -> None:
        """End all commands, and start no more; returns at once."""
        with self._mutex:
            self._stopped = True
            for process in self._running:
                process.terminate()

    def _start(self, command: Sequence[str], keep_output: bool) -> subprocess.Popen[bytes]:
        with self._mutex:
            if self._stopped:
                raise StoppedError(f"{' '.join(command)}: not started, as the flow run is ending")
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "flows.guard", *command],
                cwd=ROOT,
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if keep_output else subprocess.STDOUT,
                pass_fds=self._kept_open,
                # Ctrl-C reaches the flow alone, which then ends its commands in order.
                start_new_session=True,
            )
            self._running.add(process)
            return process


class Lines:
    """Splits a stream of bytes into lines.

    A line that is overwritten (it ends in a carriage return, as progress bars do) is passed on at
    most every :data:`PROGRESS_SECONDS`.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._last_progress = float("-inf")

    def feed(self, data: bytes) -> Iterator[str]:
        """Lines that ``data`` completes, without their ends; blank ones are left out."""
        text = self._rest + self._decoder.decode(data)
        end = 0
        for found in _LINE.finditer(text):
            end = found.end()
            line, stop = found.groups()
            if line.strip() and (stop != "\r" or self._is_due()):
                yield line.rstrip()
        self._rest = text[end:]

    def end(self) -> Iterator[str]:
        """The last line, where it has no end."""
        rest, self._rest = self._rest, ""
        if rest.strip():
            yield rest.strip()

    def _is_due(self) -> bool:
        now = self._clock()
        if now - self._last_progress < PROGRESS_SECONDS:
            return False
        self._last_progress = now
        return True


class _Collector(threading.Thread):
    """Reads a stream to its end beside another one."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._data = b""
        self.start()

    def run(self) -> None:
        self._data = self._stream.read()

    def text(self) -> str:
        """All of it, once the stream has ended."""
        self.join()
        return self._data.decode("utf-8", "replace")


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    # For the type checker: all three streams of a guard are pipes.
    if stream is None:
        raise TypeError("this stream is not a pipe")
    return stream


def _environment() -> dict[str, str]:
    # The programs of this interpreter's environment, whether it was activated or not.
    folder = os.path.dirname(sys.executable)  # noqa: PTH120
    return {
        **os.environ,
        "PATH": os.pathsep.join([folder, os.environ.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
    }

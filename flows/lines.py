"""What a process prints, as log lines: progress bars more rarely than they are redrawn."""

import codecs
import re
import time
from collections.abc import Callable, Iterator

PROGRESS_SECONDS = 15.0

# A carriage return with nothing behind it yet may be half of "\r\n".
_LINE = re.compile(r"([^\r\n]*)(\r\n|\n|\r(?=.))", re.DOTALL)


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

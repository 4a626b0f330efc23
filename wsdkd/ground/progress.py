"""Progress bars with the time left, on a terminal and, more rarely refreshed, in a log file; and notes."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


class _Log:
    """Standard error where it is no terminal; knows whether a bar stands in the last line."""

    in_bar = False

    @property
    def encoding(self) -> str:
        return sys.stderr.encoding

    def write(self, text: str) -> None:
        if text:
            self.in_bar = not text.endswith("\n")
        sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


_LOG = _Log()


@contextmanager
def beside_bars() -> Iterator[None]:
    """Write something meanwhile: above any bar of a terminal, in a line of its own in a log."""
    if sys.stderr.isatty():
        with tqdm.external_write_mode(sys.stderr):
            yield
        return
    if _LOG.in_bar:
        # The bar itself is not drawn again, or a log would get one for every line.
        _LOG.write("\n")
        _LOG.flush()
    yield


def note(line: str) -> None:
    """Say something on standard error, beside any bar."""
    with beside_bars():
        print(line, file=sys.stderr, flush=True)  # noqa: T201


def track(items: Iterable[T], description: str, total: int | None = None, unit: str = "image") -> Iterator[T]:
    """Yield ``items`` while a bar on standard error shows how far they are and the time left."""
    on_terminal = sys.stderr.isatty()
    yield from tqdm(
        items,
        desc=description,
        total=total,
        unit=unit,
        mininterval=0.2 if on_terminal else 10.0,
        dynamic_ncols=on_terminal,
        file=sys.stderr if on_terminal else _LOG,
    )

"""Progress bars with the time left, on a terminal and, more rarely refreshed, in a log file; and notes."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def note(line: str) -> None:
    """Say something on standard error, above any bar."""
    tqdm.write(line, file=sys.stderr)


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
        file=sys.stderr,
    )

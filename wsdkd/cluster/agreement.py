"""What a worker elsewhere must have in common with the process that asks, so that its bytes are the same."""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
import PIL

import wsdkd

T = TypeVar("T")

UNREADABLE = "cannot be read"


class Surroundings(NamedTuple):
    """Of a process: whatever decides what it makes of a picture."""

    code: str
    """SHA-256 of this package's source."""
    packages: tuple[str, ...]
    """Those that decode and search, each with its version."""
    files: tuple[tuple[str, str], ...]
    """Absolute paths, each with the SHA-256 of what the process finds there."""


def surroundings(files: Sequence[Path]) -> Surroundings:
    """The surroundings of this process, as far as ``files`` show them."""
    versions = (f"numpy {np.__version__}", f"OpenCV {cv2.__version__}", f"Pillow {PIL.__version__}")
    return Surroundings(_code(), versions, tuple((str(path.absolute()), _digest(path)) for path in files))


def disagreement(asked: Surroundings, found: Surroundings) -> str | None:
    """What a worker lacks, in words, or None where it has all that it needs."""
    if found.code != asked.code:
        return "has other code of the package wsdkd; install the same everywhere, and restart the workers"
    if found.packages != asked.packages:
        return f"has {', '.join(found.packages)}, not {', '.join(asked.packages)}"
    for (path, digest), (_, seen) in zip(asked.files, found.files, strict=True):
        if seen != digest:
            what = "cannot read" if seen == UNREADABLE else "finds another file at"
            return f"{what} {path}; the same folder must lie at the same path everywhere"
    return None


def few(items: Sequence[T]) -> list[T]:
    """The first, the middle and the last: enough to tell another folder, and soon read."""
    return [items[place] for place in sorted({0, len(items) // 2, len(items) - 1})] if items else []


@cache
def _code() -> str:
    folder = Path(wsdkd.__file__).parent
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        total.update(f"{path.relative_to(folder).as_posix()} {_digest(path)}\n".encode())
    return total.hexdigest()


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return UNREADABLE

"""What is broken and read: a few files, and the reader that the program has for them."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Labels = Mapping[str, frozenset[str]]
"""Names of the classes that are in each picture, by its path."""


@dataclass(frozen=True)
class Outcome:
    """What a reader made of its files.

    Attributes:
        digest: of all that it returned.
        listed: lines of what it could not use, and told of.
        told: what an independent reading of the same files can be compared with.
    """

    digest: str
    listed: tuple[str, ...] = ()
    told: Any = None


@dataclass(frozen=True)
class Subject:
    """Some files with their reader.

    Attributes:
        name: of the kind of file, for the table.
        make: writes them into an empty folder.
        read: reads all of them from such a folder; a second folder is for what it writes.
        as_written: reads them another way, without any code of the program: what :attr:`Outcome.told` must
            be. None where the program itself wrote the files, so that it must notice every change of them.
        broken: which files of the folder are broken; by default all.
    """

    name: str
    make: Callable[[Path], object]
    read: Callable[[Path, Path], Outcome]
    as_written: Callable[[Path], Any] | None = None
    broken: Callable[[Path], bool] = field(default=lambda _: True)


def outcome(value: Any, listed: tuple[str, ...] = (), told: Any = None) -> Outcome:
    """The outcome whose digest is that of ``value``: of texts, numbers, arrays, and what is made of these."""
    return Outcome(hashlib.sha256(_spelled(value)).hexdigest(), listed, told)


def _spelled(value: Any) -> bytes:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}".encode() + np.ascontiguousarray(value).tobytes()
    if isinstance(value, Mapping):
        value = sorted(value.items())
    if isinstance(value, list | tuple):
        return b"(" + b",".join(map(_spelled, value)) + b")"
    return json.dumps(value, ensure_ascii=True, default=repr).encode()

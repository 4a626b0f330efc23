"""Publishing files so that a reader sees the old whole one or the new whole one, never a part."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def publish_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to; on a clean exit it is fsynced and takes the place of ``path``.

    On an exception the partial file is removed and ``path`` stays as it was. A killed process may
    leave the partial file, hidden beside ``path``, which the next writer replaces.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.part")
    aside.unlink(missing_ok=True)
    try:
        yield aside
        _fsync(aside)
        aside.replace(path)
        _fsync(path.parent)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def publish_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; on a clean exit it takes the place of the folder ``path``.

    On an exception the partial folder is removed and ``path`` stays as it was. There is no way to
    swap two folders at once, so a process killed in the very act may leave no ``path``, with the
    old one hidden beside it; it never leaves a part of either.
    """
    aside = path.with_name(f".{path.name}.part")
    old = path.with_name(f".{path.name}.old")
    for leftover in (aside, old):
        shutil.rmtree(leftover, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        yield aside
        for written in sorted(aside.rglob("*")):
            _fsync(written)
        _fsync(aside)
        if path.exists():
            path.replace(old)
        aside.replace(path)
        _fsync(path.parent)
    finally:
        for leftover in (aside, old):
            shutil.rmtree(leftover, ignore_errors=True)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

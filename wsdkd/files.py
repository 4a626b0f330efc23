"""Publishing files so that a reader sees the old whole one or the new whole one, never a part."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def publish_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to; on a clean exit it is fsynced and takes the place of ``path``.

    On an exception the partial file is removed and ``path`` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.part")
    try:
        yield aside
        _fsync(aside)
        aside.replace(path)
        _fsync(path.parent)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def publish_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; on a clean exit it takes the place of the folder ``path``."""
    aside = path.with_name(f".{path.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        yield aside
        for file in sorted(aside.rglob("*")):
            if file.is_file():
                _fsync(file)
        if path.exists():
            shutil.rmtree(path)
        aside.replace(path)
        _fsync(path.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Files and folders that appear whole: a reader sees the old one or the new one, never a part.

Each is written under a hidden name beside its own, ``.NAME.PROCESS.part``, so that two processes that write
the same one do not disturb each other: each one's is whole, and that of the last one stays.
"""

import ctypes
import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wsdkd.ground.errors import disk_full

_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux's <fcntl.h> and <linux/fs.h>


@contextmanager
def publish_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to; on a clean exit it is fsynced and takes the place of ``path``.

    On an exception the partial file is removed and ``path`` stays as it was. A killed process may
    leave the partial file, hidden beside ``path``, which the next writer removes.

    Raises:
        DiskFullError: there is no room for it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path)
    aside = _aside(path)
    try:
        with _full_disk_in_words(path):
            yield aside
            _fsync(aside)
            aside.replace(path)
            _fsync(path.parent)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def publish_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; on a clean exit it takes the place of the folder ``path``.

    On an exception the partial folder is removed and ``path`` stays as it was. Linux exchanges the two
    folders at once. Where the file system cannot, the old one is renamed first, so that a process
    killed in the very act leaves it hidden beside ``path``; the next writer brings it back first of all.

    Raises:
        DiskFullError: there is no room for it.
    """
    aside, old = _aside(path), path.with_name(f".{path.name}.old")
    if os.path.lexists(old) and not os.path.lexists(path):
        old.replace(path)
    _remove(old)
    sweep(path)
    try:
        with _full_disk_in_words(path):
            aside.mkdir(parents=True)
            yield aside
            for written in sorted(aside.rglob("*")):
                _fsync(written)
            _fsync(aside)
            _take_place(aside, path, old)
            _fsync(path.parent)
    finally:
        # What cannot be removed now hinders the next writer, who says so, and not this one, who is done.
        with suppress(OSError):
            _remove(aside)  # the new folder where something failed, the old one after an exchange
            if os.path.lexists(path):
                _remove(old)


def sweep(path: Path) -> None:
    """Remove what killed writers of ``path`` left; what another process is writing now stays."""
    left = re.compile(rf"\.{re.escape(path.name)}\.(\d+)\.part")
    with suppress(OSError):  # what cannot be listed or removed hinders nobody
        for beside in list(path.parent.iterdir()):
            found = left.fullmatch(beside.name)
            if found is not None and (int(found[1]) == os.getpid() or not _is_alive(int(found[1]))):
                _remove(beside)


def exchange(first: Path, second: Path) -> None:
    """Exchange the names of two files or folders at once: at any moment both are there.

    Raises:
        OSError: this operating system or file system cannot, or one of the two is missing.
    """
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    if rename(_HERE, os.fsencode(first), _HERE, os.fsencode(second), _EXCHANGE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(first), None, str(second))


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True  # somebody else's, or no number of a process
    return True


def _take_place(new: Path, path: Path, old: Path) -> None:
    if not os.path.lexists(path):
        new.replace(path)
        return
    try:
        exchange(new, path)
    except OSError:
        try:
            path.replace(old)
            new.replace(path)
        except BaseException:
            if not os.path.lexists(path):
                old.replace(path)
            raise


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _full_disk_in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        full = disk_full(error, path)
        if full is None:
            raise
        raise full from None

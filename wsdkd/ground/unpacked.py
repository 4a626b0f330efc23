"""Arrays unpacked from files, once a machine: all its processes that read the same files share them.

They lie in a folder that is named after what it was made of. Each process that reads them holds a shared lock
(``flock``) on it. Whoever finds it unfinished takes the lock alone and makes it, while the others wait; where
the maker fails or is killed, the next one makes it anew. Whoever lets go and is the last one removes it.

A process that is killed removes nothing. Its folder is used by the next one that needs it, or removed by the
next one that makes another.
"""

import fcntl
import os
import platform
import stat
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wsdkd.ground.digests import digest
from wsdkd.ground.errors import disk_full
from wsdkd.ground.spool import Layout, Spool

JUST_WRITTEN = 2.0
"""Seconds. A file that is younger may be written again without another time, so that nobody shares it."""
_LOCK, _FINISHED = "lock", "finished"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Unpacking:
    """How arrays are made.

    Attributes:
        sources: files that they are made of.
        what: names what is made, and every parameter that changes it.
        layout: of the arrays.
        fill: appends their rows; it raises where a source is damaged.
    """

    sources: Sequence[Path]
    what: str
    layout: Layout
    fill: Callable[[Mapping[str, Spool]], None]


def unpack(unpacking: Unpacking, beside: Path, shared: Path | None) -> dict[str, Spool]:
    """The arrays, made now or by another process of this machine.

    Where they cannot be shared, this process has its own, in files without names.

    Args:
        unpacking: how they are made.
        beside: a folder, on whose file system files without names are.
        shared: takes the folders of shared arrays; where nobody may write there, one in the system's folder
            for temporary files does. None where they are not to be shared.

    Raises:
        DiskFullError: there is no room for them.
    """
    folder = None if shared is None else _name(unpacking)
    if shared is not None and folder is not None:
        for place in (shared, Path(tempfile.gettempdir()) / f"wsdkd-{os.getuid()}"):
            try:
                _make_place(place)
                held = _Held(place / folder)
            except OSError:  # no rights, no locks, no room: another place, or one's own
                continue
            return held.arrays(unpacking)
    own = {name: Spool(beside, *each) for name, each in unpacking.layout.items()}
    unpacking.fill(own)
    return own


class _Held:
    """A folder of arrays that is locked by this process, alone or with others.

    Raises:
        OSError: it cannot be made, or not be locked.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        while True:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            except FileNotFoundError:  # removed by another process in between
                continue
            try:
                fcntl.flock(self._handle, fcntl.LOCK_SH)
            except BaseException as error:
                os.close(self._handle)
                if isinstance(error, OSError):  # there are no locks here, so that nobody else has it
                    _remove(folder)
                raise
            if _is_there(folder, self._handle):
                break
            os.close(self._handle)
        weakref.finalize(self, _let_go, folder, self._handle, os.getpid())

    def arrays(self, unpacking: Unpacking) -> dict[str, Spool]:
        """Those in the folder, which are made where they are not there."""
        if not (self._folder / _FINISHED).exists():
            # The shared lock is lost before the other is got: in between somebody may have made the arrays,
            # and even have removed them.
            fcntl.flock(self._handle, fcntl.LOCK_EX)
            if not _is_there(self._folder, self._handle):
                return _Held(self._folder).arrays(unpacking)
            if not (self._folder / _FINISHED).exists():
                try:
                    return self._made(unpacking)
                finally:
                    fcntl.flock(self._handle, fcntl.LOCK_SH)
            fcntl.flock(self._handle, fcntl.LOCK_SH)
            if not _is_there(self._folder, self._handle):
                return _Held(self._folder).arrays(unpacking)
        return self._spools(unpacking)

    def _made(self, unpacking: Unpacking) -> dict[str, Spool]:
        _sweep(self._folder)
        try:
            for name in unpacking.layout:
                (self._folder / name).unlink(missing_ok=True)  # of a maker that was killed
                (self._folder / name).touch(mode=0o600)
            spools = self._spools(unpacking)
            unpacking.fill(spools)
            (self._folder / _FINISHED).touch()
        except BaseException as error:
            _remove(self._folder)
            full = disk_full(error, self._folder) if isinstance(error, OSError) else None
            if full is not None:
                raise full from None
            raise
        return spools

    def _spools(self, unpacking: Unpacking) -> dict[str, Spool]:
        return {
            name: Spool(self._folder, dtype, width, name=name, keeps=self)
            for name, (dtype, width) in unpacking.layout.items()
        }


def _name(unpacking: Unpacking) -> str | None:
    """Of the folder; None where it cannot be told whether the files change."""
    found: list[list[str | int]] = []
    try:
        boot = _BOOT.read_text(encoding="ascii")  # what was not yet on the disk is gone after a crash
        for source in unpacking.sources:
            path = source.resolve(strict=True)
            status = path.stat()
            if not stat.S_ISREG(status.st_mode) or time.time() - status.st_mtime < JUST_WRITTEN:
                return None
            found.append(
                [str(path), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns],
            )
    except (OSError, ValueError, RuntimeError):  # whoever reads it says what is wrong with it
        return None
    layout = {name: [np.dtype(dtype).descr, width] for name, (dtype, width) in unpacking.layout.items()}
    return f"{_machine()}-{digest([unpacking.what, layout, boot, found])[:32]}"


def _machine() -> str:
    """Machines that share a disk see each other's folders, but not always each other's locks."""
    return digest(platform.node())[:8]


def _make_place(place: Path) -> None:
    place.mkdir(mode=0o700, exist_ok=True)
    status = place.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o002:
        raise PermissionError(f"{place}: somebody else's")


def _is_there(folder: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), (folder / _LOCK).stat())
    except FileNotFoundError:
        return False


def _let_go(folder: Path, handle: int, process: int) -> None:
    # A forked process has the same lock as the one that it was forked from, and leaves it alone.
    try:
        if os.getpid() == process:
            _remove_unused(folder, handle)
    finally:
        os.close(handle)


def _sweep(mine: Path) -> None:
    """Remove what killed processes of this machine left."""
    for folder in _beside(mine):
        try:
            handle = os.open(folder / _LOCK, os.O_RDWR)
        except FileNotFoundError:
            with suppress(OSError):  # somebody is about to make it
                folder.rmdir()
            continue
        except OSError:
            continue
        try:
            _remove_unused(folder, handle)
        finally:
            os.close(handle)


def _beside(mine: Path) -> Iterator[Path]:
    with suppress(OSError):
        for folder in list(mine.parent.iterdir()):
            if folder != mine and folder.name.startswith(f"{_machine()}-"):
                yield folder


def _remove_unused(folder: Path, handle: int) -> None:
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError: somebody reads it
        if _is_there(folder, handle):
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder that this process has locked alone."""
    with suppress(OSError):
        (folder / _FINISHED).unlink(missing_ok=True)  # first, so that no part passes for the whole
        for path in list(folder.iterdir()):
            if path.name != _LOCK:
                path.unlink(missing_ok=True)
        (folder / _LOCK).unlink(missing_ok=True)
        folder.rmdir()
        folder.parent.rmdir()  # where it is empty

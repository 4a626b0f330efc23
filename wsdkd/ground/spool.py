"""Large arrays in files, read a few rows at a time or mapped: memory does not grow with them."""

import mmap
import os
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import DTypeLike

from wsdkd.ground.errors import disk_full

Layout = Mapping[str, tuple[DTypeLike, int | None]]
"""Of several arrays, by name, the type of the values, and how many a row has: None for a single one."""


class RowSource(Protocol):
    """What gives rows of an array: the array itself, or a :class:`Spool`."""

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        """Rows ``start`` to ``stop``."""


class Spool:
    """Rows of equal width, appended once and read by their places, from any thread and after a fork.

    They are read and not mapped into memory, as mapped pages count for the process that looked at them. What
    is searched all the time is mapped (:meth:`mapped`).

    A file without a name goes when the process ends, however that ends.

    Args:
        folder: on whose file system the file is; the system's folder for temporary files serves where
            nobody may write there.
        dtype: of the values.
        width: values a row; None where a row is a single value, and reading gives one dimension less.
        name: of a file in the folder, with whatever rows it has; None for a new one without a name.
        keeps: lives as long as this does.
    """

    def __init__(
        self,
        folder: Path,
        dtype: DTypeLike,
        width: int | None = None,
        *,
        name: str | None = None,
        keeps: object = None,
    ):
        self._dtype = np.dtype(dtype)
        self._rest = () if width is None else (width,)
        self._row_bytes = self._dtype.itemsize * (width or 1)
        self._folder, self._file = _nameless(folder) if name is None else _named(folder, name)
        weakref.finalize(self, self._file.close)
        self._count = os.fstat(self._file.fileno()).st_size // self._row_bytes
        self._keeps = keeps

    def __len__(self) -> int:
        return self._count

    def append(self, rows: np.ndarray) -> None:
        """Add rows at the end.

        Raises:
            DiskFullError: there is no room; what was appended before is still there.
        """
        content = np.ascontiguousarray(rows, dtype=self._dtype).reshape(-1).view(np.uint8).data
        try:
            os.lseek(self._file.fileno(), self._count * self._row_bytes, os.SEEK_SET)
            while content:
                content = content[os.write(self._file.fileno(), content) :]
        except OSError as error:
            full = disk_full(error, self._folder, len(content))
            raise full or OSError(error.errno, error.strerror, str(self._folder)) from None
        self._count += len(rows)

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Rows ``start`` to ``stop``, which must be whole numbers within what was appended.

        Raises:
            OSError: the file ends too early.
        """
        values = np.empty((rows.stop - rows.start, *self._rest), self._dtype)
        content, place = values.reshape(-1).view(np.uint8).data, rows.start * self._row_bytes
        if os.preadv(self._file.fileno(), [content], place) != values.nbytes:
            raise OSError("a temporary file ends within an array")
        return values

    def mapped(self) -> np.ndarray:
        """All rows (n,) or (n, width), read-only: pages of the file, of which a machine has one copy.

        The system takes them back where memory is short.
        """
        if not self._count:
            return np.empty((0, *self._rest), self._dtype)
        pages = mmap.mmap(self._file.fileno(), self._count * self._row_bytes, prot=mmap.PROT_READ)
        return np.frombuffer(pages, self._dtype).reshape(-1, *self._rest)

    def __reduce__(self) -> tuple[Any, ...]:
        """Arrives as an array in a process that is not forked from this one."""
        return np.asarray, (self[0 : self._count],)


def _nameless(folder: Path) -> tuple[Path, BinaryIO]:
    try:
        return folder, tempfile.TemporaryFile(dir=folder, buffering=0)
    except OSError:
        return Path(tempfile.gettempdir()), tempfile.TemporaryFile(buffering=0)


def _named(folder: Path, name: str) -> tuple[Path, BinaryIO]:
    return folder, os.fdopen(os.open(folder / name, os.O_RDWR), "r+b", buffering=0)

"""Files from strangers: regular ones alone are opened, and read up to a size."""

import os
import stat
from pathlib import Path


class NotReadError(ValueError):
    """A file is not read; the message says why, without the path."""


class NoFileError(NotReadError):
    """There is nothing of that name."""


def read_regular(path: Path, most: int) -> bytes:
    """All bytes of a regular file, symbolic links followed.

    A pipe or a device with the name of a picture would keep a reader waiting for ever, or never end.

    Args:
        path: the file.
        most: a file of more bytes is not read.

    Raises:
        NoFileError: there is none.
        NotReadError: it cannot be opened, is a folder, a pipe or a device, or has more than ``most`` bytes.
    """
    try:
        # Not to block: opening a pipe waits for its writer otherwise.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoFileError(f"cannot be read: {error.strerror}") from None
    except OSError as error:
        raise NotReadError(f"cannot be read: {error.strerror}") from None
    except ValueError:  # a name with a zero byte, or one that this file system cannot spell
        raise NotReadError("not a path") from None
    try:
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            raise NotReadError("cannot be read: Is a directory")
        if not stat.S_ISREG(status.st_mode):
            raise NotReadError("cannot be read: not a regular file, but a pipe, a socket or a device")
        if status.st_size > most:
            raise NotReadError(f"{status.st_size:,} bytes, more than the limit of {most:,}")
        with open(handle, "rb", buffering=0, closefd=False) as file:
            return file.read()
    except OSError as error:
        raise NotReadError(f"cannot be read: {error.strerror}") from None
    except MemoryError:
        raise NotReadError(f"{status.st_size:,} bytes, more than there is memory for") from None
    finally:
        os.close(handle)

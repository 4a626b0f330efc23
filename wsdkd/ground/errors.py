"""The mark that tells what a user can put right from a defect of the program."""

import errno
import os
import shutil
from pathlib import Path

FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota on this disk is used up",
    errno.EFBIG: "the file is larger than this disk, or the shell's `ulimit -f`, allows",
}
"""What the operating system's refusals to store more mean."""


class UserError(ValueError):
    """Something outside of the program is wrong: a file, a parameter, a dataset.

    The message stands alone: it names the file and the field, and says what to do. A stage and the
    command line print it as one line; any other exception keeps its traceback.
    """


def first_line(error: BaseException) -> str:
    """The first line of what a library's exception says, or its kind where it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


class DiskFullError(UserError, OSError):
    """There is no room to write more; names the path, and the bytes that are missing where they are known."""


def disk_full(error: BaseException, path: Path, unwritten: int | None = None) -> DiskFullError | None:
    """A full disk in words, or None where ``error`` is about something else.

    The operating system's own error names no file. Libraries pass it on as an exception of their own
    (safetensors, HDF5) or raise another while it is under way (torch), so texts and causes are searched too.

    Args:
        error: what stopped the writer.
        path: what was being written, for the message.
        unwritten: bytes that were still to be written, where the caller knows.
    """
    number = next((found for one in causes(error) if (found := _number(one)) is not None), None)
    if number is None or isinstance(error, DiskFullError):
        return None
    known = [] if unwritten is None else [f"{unwritten:,} bytes are still to be written"]
    if number != errno.EFBIG:
        whole = path.absolute()
        folder = next(one for one in (whole, *whole.parents) if one.is_dir())
        known.append(f"{shutil.disk_usage(folder).free:,} are free")
    figures = f" ({', '.join(known)})" if known else ""
    full = DiskFullError(f"{path}: {FULL[number]}{figures}; make room and run it again")
    full.errno = number
    return full


def causes(error: BaseException) -> list[BaseException]:
    """An exception, and those that led to it or were under way when it came."""
    chain: list[BaseException] = []
    here: BaseException | None = error
    while here is not None and here not in chain:
        chain.append(here)
        here = here.__cause__ or here.__context__
    return chain


def _number(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno in FULL:
        return error.errno
    # Not of a KeyboardInterrupt or the like: an interrupted writer has not failed.
    texts = str(error) if isinstance(error, Exception) else ""
    return next((number for number in FULL if os.strerror(number) in texts), None)

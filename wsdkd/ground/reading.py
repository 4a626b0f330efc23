"""Files, of strangers and of ours: regular ones alone are opened; those of strangers are read up to a size.

A path may name a stretch of a file, ``FILE#OFFSET+SIZE``: a photograph within a shard of many. So whatever
reads a file by its path reads a photograph of a shard as well, at the cost of one seek.
"""

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

from wsdkd.ground.errors import UserError
from wsdkd.ground.failures import naming

_STRETCH = re.compile(r"(.+)#(\d{1,18})\+(\d{1,18})", re.DOTALL)


class NotReadError(ValueError):
    """A file is not read; the message says why, without the path."""


class NoFileError(NotReadError):
    """There is nothing of that name."""


def stretch_of(file: str, offset: int, size: int) -> str:
    """The path of ``size`` bytes of a file, from ``offset`` on."""
    return f"{file}#{offset}+{size}"


def file_of(path: str) -> str:
    """The path of the whole file, where ``path`` is that of a stretch."""
    found = _STRETCH.fullmatch(path) if "#" in path else None
    return path if found is None else found[1]


def read_regular(path: Path, most: int) -> bytes:
    """All bytes of a regular file, or of a stretch of one, symbolic links followed.

    A pipe or a device with the name of a picture would keep a reader waiting for ever, or never end.

    Args:
        path: the file, or the stretch; a file that has the name of a stretch is read where nothing has the
            name before its number sign.
        most: a file or a stretch of more bytes is not read.

    Raises:
        NoFileError: there is none.
        NotReadError: it cannot be opened, is a folder, a pipe or a device, has more than ``most`` bytes, or
            ends before the stretch does.
    """
    found = _STRETCH.fullmatch(os.fspath(path)) if "#" in path.name else None
    if found is not None:
        try:
            return _read(found[1], most, int(found[2]), int(found[3]))
        except NoFileError:
            pass
    return _read(path, most, 0, None)


def _read(path: str | Path, most: int, offset: int, size: int | None) -> bytes:
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
        kind = _irregular(status.st_mode)
        if kind is not None:
            raise NotReadError(f"cannot be read: {kind}, where a file should be")
        wanted = status.st_size if size is None else size
        if wanted > most:
            raise NotReadError(f"{wanted:,} bytes, more than the limit of {most:,}")
        if size is not None and offset + size > status.st_size:
            raise NotReadError(f"cut off: {status.st_size:,} bytes, but a picture ends at {offset + size:,}")
        with open(handle, "rb", buffering=0, closefd=False) as file:
            if size is None:
                return file.read()
            file.seek(offset)
            return file.read(size)
    except OSError as error:
        raise NotReadError(f"cannot be read: {error.strerror}") from None
    except MemoryError:
        raise NotReadError(f"{wanted:,} bytes, more than there is memory for") from None
    finally:
        os.close(handle)


def require_file(path: Path, remedy: str = "") -> None:
    """Refuse what is no regular file, for a library that opens ``path`` itself.

    Args:
        path: of the file.
        remedy: what to do where there is none, for the message.

    Raises:
        UserError: there is nothing, or a folder, a pipe, a device or a socket.
    """
    try:
        kind = _irregular(path.stat().st_mode)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file{f'; {remedy}' if remedy else ''}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if kind is not None:
        raise UserError(f"{path}: {kind}, where a file should be")


def read_text(path: Path, remedy: str = "") -> str:
    """The text of a file of ours, in UTF-8.

    Args:
        path: of the file.
        remedy: what to do where there is none, or where it is damaged, for the message.

    Raises:
        UserError: there is none, it is no regular file, or not UTF-8.
    """
    require_file(path, remedy)
    with naming(path, remedy):
        return path.read_text(encoding="utf-8")


def read_json(path: Path, remedy: str = "") -> Any:
    """The value in a file of ours, which is JSON.

    Args:
        path: of the file.
        remedy: what to do where there is none, or where it is damaged, for the message.

    Raises:
        UserError: there is none, it is no regular file, or not JSON.
    """
    text = read_text(path, remedy)
    with naming(path, remedy):
        return json.loads(text)


def _irregular(mode: int) -> str | None:
    """What it is that is no regular file."""
    kinds = {stat.S_IFREG: None, stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")

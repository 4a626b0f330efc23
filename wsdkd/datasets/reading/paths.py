"""Paths below a dataset's root, and whether they stay there.

What is read must lie where DVC looks, or it would not see a change. DVC looks at all files below the root and
through links to files, wherever these lead, but not into folders that are links.
"""

import os
import posixpath
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.ground.errors import UserError
from wsdkd.ground.reading import file_of, require_file

Links = Literal["inside", "anywhere"]

OUTSIDE = "the path leaves the dataset's folder"
LINKED_OUTSIDE = f"{OUTSIDE} by a symbolic link; dataset.links: anywhere would follow it"
LINKED_FOLDER = f"{OUTSIDE} by a link to a folder, into which DVC does not look"
LINK_FILES = "put a folder of links to files in its place: cp -rs"


def normal(*parts: str) -> str:
    """Join parts of a path, with ``.`` and ``..`` resolved by name: one spelling for one file."""
    return posixpath.normpath(posixpath.join(*parts))


def lies_below(path: str, folder: str | None) -> bool:
    """Whether a file lies below a folder, both relative to one root; False without a folder."""
    return folder is not None and (normal(folder) == "." or normal(path).startswith(f"{normal(folder)}/"))


def refusal(root: Path, path: str, links: Links) -> str | None:
    """Why ``path``, in its normal spelling and relative to ``root``, may not be opened.

    Returns:
        A reason, or None where the path stays below ``root``. Where links may lead anywhere, the file
        itself may be a link that leads out, and no folder may. The file need not exist.
    """
    if not path or "\0" in path:
        return "not a path"
    if posixpath.isabs(path) or path == ".." or path.startswith("../"):
        return OUTSIDE
    # Of a stretch of a file, the file. Not Path.resolve, which raises where links lead in a circle.
    real = _real(root)
    if links == "anywhere":
        return None if _stays(f"{real}/{posixpath.dirname(file_of(path))}", real) else LINKED_FOLDER
    for name in {path, file_of(path)}:
        if not _is_below(os.path.realpath(f"{real}/{name}"), real):
            return LINKED_OUTSIDE
    return None


def require_watched(root: Path, path: str, *, folder: bool = False) -> None:
    """Refuse what annotations are read from where DVC would not see that it changes.

    Args:
        root: the dataset's folder.
        path: relative to it, of a file, which may be a link.
        folder: it is of a folder, all files of which are read.

    Raises:
        DatasetError: it lies outside of the root, or behind a link to a folder that does.
    """
    reason = refusal(root, normal(path, "file") if folder else normal(path), "anywhere")
    if reason is not None:
        remedy = LINK_FILES if reason == LINKED_FOLDER else "put it there, or a link to the file"
        raise DatasetError(f"{root / path}: {reason}; {remedy}")


@lru_cache
def _real(root: Path) -> str:
    return os.path.realpath(root)


@lru_cache(maxsize=4096)
def _stays(folder: str, real: str) -> bool:
    return _is_below(os.path.realpath(folder), real)


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def read_text(root: Path, *choices: str) -> tuple[str, str]:
    """Read the first of ``choices`` (paths relative to ``root``) that is a file, as UTF-8.

    Returns:
        The path chosen, as it should stand in a message, and the text.

    Raises:
        DatasetError: none is a file, it lies where DVC does not look, or the text is not UTF-8.
    """
    for choice in choices:
        path = root / choice
        if path.is_file():
            require_watched(root, choice)
            try:
                return str(path), path.read_text(encoding="utf-8-sig")
            except UnicodeDecodeError as error:
                raise DatasetError(f"{path}: not UTF-8 text: {error.reason} at byte {error.start}") from None
    raise DatasetError(f"{root / choices[0]}: no such file{_hint(root, choices)}")


def require_regular(path: Path) -> None:
    """Refuse a pipe, a device or a broken link that has the name of a file of the dataset's.

    To pass it over would leave out what the file of that name should hold.

    Raises:
        DatasetError: it is none, or there is nothing.
    """
    try:
        require_file(path)
    except UserError as error:
        raise DatasetError(str(error)) from None


def _hint(root: Path, choices: Sequence[str]) -> str:
    if not root.is_dir():
        return f"; dataset.root: {root} is not a folder"
    return "".join(f", nor {choice}" for choice in choices[1:])

"""Paths below a dataset's root, and whether they stay there."""

import os
import posixpath
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.ground.reading import file_of

Links = Literal["inside", "anywhere"]

OUTSIDE = "the path leaves the dataset's folder"
LINKED_OUTSIDE = f"{OUTSIDE} by a symbolic link; dataset.links: anywhere would follow it"


def normal(*parts: str) -> str:
    """Join parts of a path, with ``.`` and ``..`` resolved by name: one spelling for one file."""
    return posixpath.normpath(posixpath.join(*parts))


def refusal(root: Path, path: str, links: Links) -> str | None:
    """Why ``path``, in its normal spelling and relative to ``root``, may not be opened.

    Returns:
        A reason, or None where the path stays below ``root`` (symbolic links followed, unless they
        may lead anywhere). The file need not exist.
    """
    if not path or "\0" in path:
        return "not a path"
    if posixpath.isabs(path) or path == ".." or path.startswith("../"):
        return OUTSIDE
    # Of a stretch of a file, the file. Not Path.resolve, which raises where links lead in a circle.
    if links == "inside":
        real = _real(root)
        for name in {path, file_of(path)}:
            if not _is_below(os.path.realpath(f"{real}/{name}"), real):
                return LINKED_OUTSIDE
    return None


@lru_cache
def _real(root: Path) -> str:
    return os.path.realpath(root)


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def read_text(root: Path, *choices: str) -> tuple[str, str]:
    """Read the first of ``choices`` (paths relative to ``root``) that is a file, as UTF-8.

    Returns:
        The path chosen, as it should stand in a message, and the text.

    Raises:
        DatasetError: none is a file, or the text is not UTF-8.
    """
    for choice in choices:
        path = root / choice
        if path.is_file():
            try:
                return str(path), path.read_text(encoding="utf-8-sig")
            except UnicodeDecodeError as error:
                raise DatasetError(f"{path}: not UTF-8 text: {error.reason} at byte {error.start}") from None
    raise DatasetError(f"{root / choices[0]}: no such file{_hint(root, choices)}")


def _hint(root: Path, choices: Sequence[str]) -> str:
    if not root.is_dir():
        return f"; dataset.root: {root} is not a folder"
    return "".join(f", nor {choice}" for choice in choices[1:])

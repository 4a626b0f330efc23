"""Which picture a bare name of a table means: with a folder before it, or with a suffix behind it."""

import os
import posixpath
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from wsdkd.datasets.reading.paths import Links, lies_below, normal
from wsdkd.datasets.reading.picture_files import files_below, is_picture

SAMPLE = 32
"""Names looked at, evenly over the table, before the whole folder is."""


class Found:
    """The pictures that names mean.

    Args:
        root: the dataset's folder.
        folder: below the root, to be put before every name.
        links: where symbolic links may lead.
    """

    def __init__(self, root: Path, folder: str, links: Links):
        self._root, self._folder, self._links = root, folder, links
        self._files: dict[str, str] | None = None
        self._pictures: list[str] | None = None

    def any_of(self, names: Sequence[str]) -> bool:
        """Whether some of ``names`` are pictures, as far as a few of them show."""
        few = list(_few(names))
        return any(map(self._is_there, few)) or any(self._path(name) for name in few)

    def any_elsewhere(self, names: Sequence[str]) -> bool:
        """Whether some of ``names`` end as paths of pictures do that lie elsewhere, ``/data/1.jpg`` say."""
        files = self._listed()
        return any(files.get(f"*/{_folded(posixpath.basename(normal(name)))}") for name in _few(names))

    def paths(self, names: Sequence[str]) -> tuple[list[str], str | None]:
        """The path of the picture that each name means, below the root, and a note where it is another.

        A name that means no picture, or one of several, stays a path below the folder.
        """
        plain = [normal(self._folder, name) if self._folder else normal(name) for name in names]
        if all(map(self._is_there, _few(names))):
            return plain, None
        paths = [self._path(name) or path for name, path in zip(names, plain, strict=True)]
        found = [place for place, path in enumerate(paths) if path != plain[place]]
        if not found:
            return paths, None
        example = f"{names[found[0]]!r} is {paths[found[0]]!r}"
        return paths, f"{len(found)} pictures found by their names: {example}"

    def in_no_row(self, paths: Sequence[str], apart: str | None) -> list[str]:
        """Pictures below the folder that no row names.

        Args:
            paths: of all rows.
            apart: folder below the root whose pictures are meant to have no row.
        """
        named = set(paths)
        return [
            path
            for path in self._below()
            if path not in named and lies_below(path, self._folder) and not lies_below(path, apart)
        ]

    def _below(self) -> list[str]:
        if self._pictures is None:
            self._pictures = sorted(filter(is_picture, files_below(self._root, self._links)))
        return self._pictures

    def _is_there(self, name: str) -> bool:
        return bool(name) and os.path.isfile(os.path.join(self._root, self._folder, name))  # noqa: PTH113, PTH118

    def _path(self, name: str) -> str | None:
        files = self._listed()
        name = re.sub(r"^(\d+)\.0$", r"\1", name)  # a number that a tool took for one with a fraction
        path = normal(self._folder, name)
        if path in files and files[path] == path:
            return path
        if not is_picture(name) and self._is_there(name):
            return path
        # A name with folders of its own means none of another folder.
        bare = None if "/" in name else f"*/{_folded(name)}"
        return files.get(_folded(path)) or (files.get(bare) if bare else None) or None

    def _listed(self) -> dict[str, str]:
        # The path by every key that means it: itself, without its suffix, without its folders, in small
        # letters. A key of two files means neither.
        if self._files is None:
            paths = self._below()
            self._files = {path: path for path in paths}
            for path in paths:
                folded = _folded(path)
                keys = {folded, posixpath.splitext(folded)[0]}
                keys |= {f"*/{posixpath.basename(key)}" for key in keys}
                # A spreadsheet makes 123 of 000123.
                keys |= {f"*/{_without_zeros(key[2:])}" for key in keys if key.startswith("*/")}
                for key in keys - {path}:
                    self._files[key] = "" if self._files.get(key, path) != path else path
        return self._files


def _few(names: Sequence[str]) -> Iterator[str]:
    step = max(1, len(names) // SAMPLE)
    return (names[place] for place in range(0, len(names), step))


def _without_zeros(name: str) -> str:
    number, dot, suffix = name.partition(".")
    return f"{int(number)}{dot}{suffix}" if number.isdecimal() else name


def _folded(path: str) -> str:
    # In small letters, and one suffix for all that JPEG files have.
    return re.sub(r"\.(jpeg|jpe|jfif)$", ".jpg", unicodedata.normalize("NFC", path).casefold())

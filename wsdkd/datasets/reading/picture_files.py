"""Pictures by the names of their files: which suffixes they have, and which lie in a folder."""

import os
import posixpath
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from wsdkd.datasets.reading.paths import Links, normal, refusal

SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".png",
    ".webp",
    ".tif",
    ".tiff",
    ".bmp",
    ".gif",
    ".jfif",
    ".jpe",
    ".jif",
    ".apng",
    ".dib",
    ".ppm",
    ".pgm",
    ".pbm",
    ".pnm",
)
"""Of the formats that are decoded, in the order of preference; in any case of letters."""


UNREAD = {
    **dict.fromkeys((".heic", ".heif", ".hif"), "HEIC"),
    **dict.fromkeys((".avif", ".avifs"), "AVIF"),
    **dict.fromkeys((".jp2", ".j2k", ".jpx"), "JPEG 2000"),
    **dict.fromkeys((".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2"), "raw"),
    ".jxl": "JPEG XL",
    ".psd": "Photoshop",
    ".svg": "SVG",
    **dict.fromkeys((".dcm", ".dicom"), "DICOM"),
    **dict.fromkeys((".tga", ".pcx", ".ico", ".exr", ".hdr"), "TGA, PCX, ICO, EXR or HDR"),
}
"""Suffixes of pictures that people have and that are not decoded: whoever has some should know."""


def unread_kind(name: str) -> str | None:
    """What kind of picture a file is by its suffix that is not decoded; None for all others."""
    base = posixpath.basename(name)
    return None if base.startswith(".") else UNREAD.get(posixpath.splitext(base)[1].lower())


_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"II*\0", b"MM\0*")


def is_nameless_picture(path: Path) -> bool:
    """Whether a file without a suffix begins as pictures do."""
    if "." in path.name or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(8).startswith(_BEGINNINGS)
    except OSError:
        return False


def is_picture(name: str) -> bool:
    """Whether a file has the suffix of a picture."""
    return posixpath.splitext(name)[1].lower() in SUFFIXES


def stem(name: str) -> str:
    """A name without the suffix of a picture, if it has one."""
    return posixpath.splitext(name)[0] if is_picture(name) else name


class PictureFiles:
    """Pictures below a root by their names without suffix; each folder is listed once, when it is asked for.

    Args:
        root: the dataset's folder.
        links: where symbolic links may lead.
    """

    def __init__(self, root: Path, links: Links):
        self._root, self._links = root, links
        self._folders: dict[str, dict[str, list[str]]] = {}

    def named(self, path: str) -> list[str]:
        """Paths of the pictures whose path is ``path`` with any suffix, the preferred one first."""
        folder, name = posixpath.split(normal(path))
        if folder not in self._folders:
            self._folders[folder] = self._list(folder)
        return self._folders[folder].get(name, [])

    def _list(self, folder: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        if folder and refusal(self._root, folder, self._links) is not None:
            return found
        try:
            names = sorted(file.name for file in (self._root / folder).iterdir())
        except OSError:
            return found
        for name in sorted(filter(is_picture, names), key=_preference):
            found[stem(name)].append(f"{folder}/{name}" if folder else name)
        return found


def _preference(name: str) -> tuple[int, str]:
    return SUFFIXES.index(posixpath.splitext(name)[1].lower()), name


OF_SYSTEMS = ("__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found")
"""Folders that systems make beside those of people, with copies of their pictures in them."""


def is_hidden(name: str) -> bool:
    """Whether a file or a folder is none that a person sees: ``.ipynb_checkpoints``, ``._1.jpg``."""
    return name.startswith(".") or name.casefold() in OF_SYSTEMS


def files_below(root: Path, links: Links) -> Iterator[str]:
    """Paths of all files below ``root``, relative to it; through links to folders if links may lead out.

    What is hidden is passed over: a folder of thumbnails is no class, and a system's note no table.

    What is found behind a folder that itself leads out is refused where it is read.
    """
    seen: set[tuple[int, int]] = set()
    for folder, inner, names in os.walk(root, followlinks=links == "anywhere"):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:  # links may lead in a ring
            inner.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        inner[:] = sorted(name for name in inner if not is_hidden(name))
        here = Path(folder).relative_to(root).as_posix()
        for name in sorted(names):
            if is_hidden(name):
                continue
            yield name if here == "." else f"{here}/{name}"

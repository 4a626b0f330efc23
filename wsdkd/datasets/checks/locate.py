"""Files that do not lie where the annotations say: found, or where one of the same name is.

Annotation tools write paths of the machine they ran on: with backslashes, absolute, with the folder twice,
with ``%20`` for a blank, in other Unicode forms or cases of letters. A file is taken from elsewhere where
that is a matter of spelling, or where the path's folders do not exist here at all and one file alone has
the name. Otherwise it is missing, and the reason says where one of its name lies.
"""

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize
from urllib.parse import unquote

from wsdkd.datasets.reading.paths import Links, refusal
from wsdkd.datasets.reading.picture_files import files_below

SHOWN = 3


@dataclass(frozen=True)
class Sought:
    """A file that is not where it should be.

    Attributes:
        path: as the annotations have it, relative to the root.
        folder: below which it must lie, relative to the root; empty for the root.
    """

    path: str
    folder: str = ""


def locate(
    sought: Sequence[Sought], root: Path, links: Links, claimed: Iterable[str] = ()
) -> list[str | tuple[str, ...]]:
    """Look for files through the whole dataset, once.

    Args:
        sought: what is missing.
        root: the dataset's folder.
        links: where symbolic links may lead.
        claimed: files of other images, which are not taken.

    Returns:
        For each the one path to be taken, or all paths of its name, sorted, none of which is.
    """
    wanted = {_key(spelling) for item in sought for spelling in _spellings(item.path)}
    by_name: dict[str, list[str]] = defaultdict(list)
    for path in files_below(root, links):
        key = _key(path)
        if key in wanted:
            by_name[key].append(path)
    taken_by_others = {path for path in claimed if _key(path) in wanted}
    found = [_choose(item, root, by_name, taken_by_others) for item in sought]
    # What two ask for belongs to neither.
    times: dict[str, int] = defaultdict(int)
    for choice in found:
        if isinstance(choice, str):
            times[choice] += 1
    return [(choice,) if isinstance(choice, str) and times[choice] > 1 else choice for choice in found]


def whereabouts(places: Sequence[str]) -> str:
    """Where files of the name lie, for a reason; empty where there are none."""
    if not places:
        return ""
    more = f" and {len(places) - SHOWN} more places" if len(places) > SHOWN else ""
    return f"; of its name there is {', '.join(places[:SHOWN])}{more}"


def _choose(
    item: Sought, root: Path, by_name: dict[str, list[str]], claimed: set[str]
) -> str | tuple[str, ...]:
    spellings = _spellings(item.path)
    places = sorted({path for spelling in spellings for path in by_name.get(_key(spelling), ())})
    free = [path for path in places if path not in claimed]
    # The same path in another spelling.
    whole = [path for path in free if any(_folded(path) == _folded(spelling) for spelling in spellings)]
    if len(whole) == 1:
        return whole[0]
    if any(_has_folders(root, spelling, item.folder) for spelling in spellings):
        return tuple(places)
    below = [path for path in free if not item.folder or path.startswith(f"{item.folder}/")]
    longest = max((_shared(path, spellings) for path in below), default=0)
    best = [path for path in below if _shared(path, spellings) == longest]
    return best[0] if len(best) == 1 else tuple(places)


def _spellings(path: str) -> tuple[str, ...]:
    slashes = path.replace("\\", "/")
    without_query = slashes.rpartition("?")[0] or slashes  # of a URL
    queried = slashes.rpartition("?d=")[2]  # as Label Studio names files of its server
    texts = (path, slashes, unquote(slashes), unquote(without_query), unquote(queried))
    return tuple(dict.fromkeys(posixpath.normpath(text) for text in texts))


def _has_folders(root: Path, path: str, folder: str) -> bool:
    # Whether the annotations name a folder, beyond the one all paths start from, that exists here.
    here = posixpath.dirname(path)
    if here in ("", folder) or posixpath.isabs(here) or here.startswith(".."):
        return False
    return refusal(root, here, "anywhere") is None and (root / here).is_dir()


def _key(path: str) -> str:
    return _folded(posixpath.basename(path))


def _folded(path: str) -> str:
    return normalize("NFC", normalize("NFC", path).casefold())


def _shared(path: str, spellings: Iterable[str]) -> int:
    """How many parts two paths share, from the end."""
    best = 0
    for spelling in spellings:
        count = 0
        for one, other in zip(reversed(path.split("/")), reversed(spelling.split("/")), strict=False):
            if _folded(one) != _folded(other):
                break
            count += 1
        best = max(best, count)
    return best

"""What somebody names to label pictures with: a student, by its name or folder, and files and folders."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from wsdkd import project
from wsdkd.data.images import FORMATS
from wsdkd.serving.ledger import LEDGER
from wsdkd.serving.store import Store


def student_folder(model: str, within: Path = Path()) -> Path:
    """Folder of ``promoted``, ``student``, ``baseline``, or of a student or promoted students anywhere.

    Args:
        model: name or folder.
        within: folder of the project that a name is of.

    Raises:
        UserError: nothing is promoted there, or what is has been damaged.
    """
    if model == "promoted":
        return Store(within / project.PROMOTED).current_student()
    if model in ("student", "baseline"):
        return within / project.MODELS / model
    folder = Path(model)
    return Store(folder).current_student() if (folder / LEDGER).is_file() else folder


@dataclass(frozen=True)
class Found:
    """What there is to look at.

    Attributes:
        pictures: in the order named, those of a folder sorted; none twice.
        passed_over: how many files in folders have each other suffix, and how many are links to folders.
        closed: folders that cannot be listed, each with the reason.
    """

    pictures: list[Path]
    passed_over: Counter[str]
    closed: list[tuple[Path, str]]


def find_pictures(paths: Iterable[Path]) -> Found:
    """Look into folders, and those within, for files with the suffix of a picture, in any case of letters.

    A path that is no folder is taken for a picture whatever its suffix, and whether it exists or not:
    who reads it will say. Links to folders within a folder are not followed, as they may lead in a ring.
    """
    suffixes = {suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS}
    pictures: dict[Path, None] = {}
    passed_over: Counter[str] = Counter()
    closed: list[tuple[Path, str]] = []

    def refuse(error: OSError) -> None:
        closed.append((Path(error.filename), error.strerror or type(error).__name__))

    for path in paths:
        if not path.is_dir():
            pictures[path] = None
            continue
        for folder, inner, names in os.walk(path, onerror=refuse):
            inner.sort()
            links = sum(Path(folder, name).is_symlink() for name in inner)
            passed_over.update({"links to folders": links} if links else {})
            for name in sorted(names):
                file = Path(folder, name)
                if file.suffix.lower() in suffixes:
                    pictures[file] = None
                else:
                    passed_over[file.suffix.lower()] += 1
    return Found(list(pictures), passed_over, closed)

"""What somebody names to label pictures with: a student, by its name or folder, and files and folders."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from wsdkd import project
from wsdkd.data.images import FORMATS
from wsdkd.evaluation.operating_point import OperatingPoint, operating_point
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.ground.errors import UserError
from wsdkd.networks.description import DESCRIPTION
from wsdkd.serving.ledger import LEDGER
from wsdkd.serving.store import Store
from wsdkd.settings.sections import PARAMS_FILE, ParamsError, load_section

if TYPE_CHECKING:
    from wsdkd.student.network import LoadedStudent


class NamedStudent(NamedTuple):
    """A student that was named, and how its labels are to be given."""

    folder: Path
    evaluation: EvaluationParams
    origin: str
    """Of these parameters, in words."""

    def operating_point(self, loaded: "LoadedStudent") -> OperatingPoint:
        """Of the student, once it is loaded."""
        point = operating_point(loaded.validation, len(loaded.classes), self.evaluation)
        if point.chosen:
            return point
        return replace(point, origin=f"{self.evaluation.threshold:g} ({self.origin})")


def student_named(model: str, within: Path = Path()) -> NamedStudent:
    """The student ``promoted``, ``student`` or ``baseline`` of a project, or one in a folder anywhere.

    How its labels are given is what it was promoted with, else what the project of its folder says.

    Args:
        model: name or folder.
        within: folder of the project that a name is of.

    Raises:
        UserError: there is none of that name, nothing is promoted there, or what is has been damaged.
    """
    names = {"promoted": project.PROMOTED, "student": project.STUDENT, "baseline": project.BASELINE}
    folder = within / names[model] if model in names else Path(model)
    there = (within / project.PIPELINE, within / PARAMS_FILE, folder)
    if model in names and not any(path.exists() for path in there):
        raise UserError(
            f"{folder}: no such folder, and {within.resolve()} is no project's; go to one, or name the "
            "folder of a student"
        )
    store = Store(folder)
    if model == "promoted" or (folder / LEDGER).is_file() or store.versions.is_dir():
        folder = store.current_student()
        found = store.provenance(int(folder.name))
        if found.threshold is not None:
            given = EvaluationParams(threshold=found.threshold, operating_point=found.operating_point)
            return NamedStudent(folder, given, "as it was promoted with")
    elif folder == Path(model) and not (folder / DESCRIPTION).is_file():
        what = "holds no student" if folder.is_dir() else "no such folder"
        raise UserError(f"{model}: {what}; expected promoted, student, baseline, or a folder of one of them")
    return NamedStudent(folder, *_evaluation(folder))


def _evaluation(folder: Path) -> tuple[EvaluationParams, str]:
    """Section ``evaluation`` of the project in which a folder lies, and where its threshold stands."""
    usual = EvaluationParams()
    path = next(
        (each / PARAMS_FILE for each in folder.resolve().parents if (each / PARAMS_FILE).exists()), None
    )
    if path is None:
        return usual, "as no project says otherwise"
    try:
        return load_section("evaluation", EvaluationParams, path), f"evaluation.threshold of {path}"
    except ParamsError:
        # A student needs no project, and so none that is in order.
        return usual, f"the usual one, as {path} cannot be read; see wsdkd profile check"


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

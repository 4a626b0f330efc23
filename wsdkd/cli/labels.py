"""``wsdkd labels``: labels that are likely wrong or missing, on a page to accept or refuse each."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsdkd import project
from wsdkd.cli.places import check_output, require_project
from wsdkd.ground.errors import UserError
from wsdkd.ground.words import counted
from wsdkd.settings.sections import PARAMS_FILE, load_section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsdkd.datasets.corrections import Correction
    from wsdkd.doubts.doubts import Judged
    from wsdkd.doubts.look import AtHand

NEW = project.CORRECTIONS / "corrections.csv"
"""Where decisions go, unless ``dataset.corrections`` names another file already."""

app = typer.Typer(add_completion=False)


@app.callback(invoke_without_command=True)
def labels(
    context: typer.Context,
    folds: Annotated[
        int | None,
        typer.Option(min=2, max=20, help="Doubt training images, too, by this many students of parts."),
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Labels on the page, the most doubtful.")] = 100,
    model: Annotated[
        str, typer.Option(metavar="NAME|FOLDER", help="Student that scores the validation and test splits.")
    ] = "student",
    to: Annotated[Path, typer.Option(help="The page to write.")] = project.LABELS_PAGE,
) -> None:
    """Look at labels that are likely wrong or missing, and accept or refuse each by a key.

    The page asks about one label after the other and gives the decisions as a file, which wsdkd labels take
    brings into the project. With --folds the training split is in it, too: DVC trains a student for each part
    of it on the other parts, once, and again when labels have changed.
    """
    if context.invoked_subcommand is not None:
        return
    require_project()
    if to != project.LABELS_PAGE:
        check_output(to, ".html")
    if folds is not None:
        _score_folds(folds)
    # Help does without torch.
    import torch

    from wsdkd.data.tables import SPLITS
    from wsdkd.doubts.look import look
    from wsdkd.doubts.page import write_labels_page

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    at_hand = _at_hand(model)
    found, in_all = look(at_hand, most, device, _judged(at_hand.classes))
    write_labels_page(to, found, in_all, at_hand.classes, at_hand.root)
    by_split = ", ".join(
        f"{split} {number}" for split in SPLITS if (number := sum(each.row.split == split for each in found))
    )
    splits = f" ({by_split})" if by_split else ""
    typer.echo(f"{to}: {len(found)} of {counted(in_all, 'label')} in doubt{splits}")
    if found:
        typer.echo("open it, decide, download the decisions, then: wsdkd labels take FOLDER/corrections.csv")


def _score_folds(folds: int) -> None:
    """Have DVC score the training split by parts, if that is not done."""
    _set("doubts.folds", f"[{folds}]")
    command = ["dvc", "repro", f"score_folds@{folds}"]
    ended = subprocess.run([sys.executable, "-m", *command], check=False)  # noqa: S603
    if ended.returncode:
        raise UserError(
            f"{' '.join(command)} ended with status {ended.returncode}; what went wrong stands above"
        )


def _set(key: str, value: str) -> None:
    """Set a parameter, where it is another."""
    from wsdkd.ground.files import publish_file
    from wsdkd.profiles import customised
    from wsdkd.settings.sections import read_params
    from wsdkd.settings.yaml_text import typed_value

    section, _, name = key.partition(".")
    if (read_params().get(section) or {}).get(name) == typed_value(value):
        return
    text = customised(PARAMS_FILE.read_text(encoding="utf-8"), [f"{key}={value}"], PARAMS_FILE)
    with publish_file(PARAMS_FILE) as aside:
        aside.write_text(text, encoding="utf-8")
    typer.echo(f"{PARAMS_FILE}: {key} is {value} now")


def _at_hand(model: str) -> "AtHand":
    """What this project has by now, with a line for what it lacks."""
    from wsdkd.cache.manifest import MANIFEST
    from wsdkd.cache.reader import TeacherCache
    from wsdkd.data.photographs import photographs_folder
    from wsdkd.data.tables import SPLITS, read_classes, read_images
    from wsdkd.doubts.evidence import Teacher
    from wsdkd.doubts.folds import read_scores
    from wsdkd.doubts.look import AtHand
    from wsdkd.doubts.params import DoubtsParams
    from wsdkd.networks.description import DESCRIPTION
    from wsdkd.proposals.stored import read_proposals
    from wsdkd.serving.named import student_named
    from wsdkd.settings.sections import cache_folder
    from wsdkd.student.network import load_student
    from wsdkd.teacher.network import load_teacher

    classes = read_classes(project.CLASSES)
    train, val, test = (read_images(project.IMAGES, split, num_classes=len(classes)) for split in SPLITS)
    doubts: DoubtsParams = load_section("doubts", DoubtsParams)
    if not doubts.folds:
        typer.echo(
            "the training split is left out: nobody scored it who had not learned from it; --folds 3 does"
        )
    student = load_student(student_named(model).folder)
    if list(student.classes) != classes:
        raise UserError(f"{model}: a student of other classes than those that are prepared; run: dvc repro")
    cache, root = cache_folder(), photographs_folder(project.IMAGES)
    reader = TeacherCache(cache) if (cache / MANIFEST).is_file() else None
    if reader is not None:
        reader.check(classes, train)
    teacher = None
    if reader is not None and (project.TEACHER / DESCRIPTION).is_file():
        teacher = Teacher(
            load_teacher(project.TEACHER), read_proposals(project.PROPOSALS), reader.ranking, root
        )
    else:
        typer.echo(
            "no regions are shown: the teacher or its cache is not here; dvc repro or dvc pull brings it"
        )
    scores = read_scores(project.FOLD_SCORES, train, classes) if doubts.folds else None
    return AtHand(classes, root, train, [*val, *test], scores, student, reader, teacher)


def _judged(classes: "Sequence[str]") -> "Judged":
    """What people have decided already."""
    places = {name: place for place, name in enumerate(classes)}
    return {(each.image, places[each.name]) for each in _before() if each.name in places}


def _corrections_file() -> Path:
    from wsdkd.settings.sections import read_params

    named = (read_params().get("dataset") or {}).get("corrections")
    return NEW if named is None else Path(named)


def _before() -> "list[Correction]":
    from wsdkd.datasets.corrections import read_corrections

    path = _corrections_file()
    return read_corrections(path) if path.is_file() else []


@app.command("take")
def take(
    decisions: Annotated[Path, typer.Argument(help="The file that the page gave.")],
) -> None:
    """Bring decisions of the page into the project; the next dvc repro trains with them.

    They join those that are there. Where both are about one label, the new one counts.
    """
    require_project()
    from wsdkd.data.tables import read_classes, read_images
    from wsdkd.datasets.corrections import read_corrections, write_corrections

    images = {row.image_id for row in read_images(project.IMAGES)}
    new = read_corrections(decisions, images, read_classes(project.CLASSES))
    path = _corrections_file()
    joined = {(each.image, each.name): each for each in [*_before(), *new]}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_corrections(path, joined.values())
    accepted = sum(each.decision == "accepted" for each in new)
    typer.echo(f"{path}: {accepted} accepted, {len(new) - accepted} refused, {len(joined)} in all")
    _set("dataset.corrections", path.as_posix())
    typer.echo("next: dvc repro")

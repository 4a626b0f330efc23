"""``wsdkd predict``: which labels a student gives to pictures."""

import math
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from tqdm import tqdm

from wsdkd.cli.predictions import Choice, Scored, csv_rows, json_list, shown, table_rows
from wsdkd.cli.students import student_folder
from wsdkd.errors import UserError
from wsdkd.inference.folders import Found, find_pictures
from wsdkd.progress import track

THRESHOLD = 0.5


def predict(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Pictures, or folders of them.")],
    model: Annotated[
        str, typer.Option(metavar="NAME|FOLDER", help="promoted, student, baseline, or a folder.")
    ] = "promoted",
    threshold: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help=f"Give the labels scored above this; {THRESHOLD} without --top."),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(min=1, help="Give the best N labels; with --threshold, at most N of those above it."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list with one object a picture.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a table with one column a class.")] = False,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures that go through together.")] = 32,
) -> None:
    """Label pictures. Those that cannot be read are named and skipped, and the status is 1 then."""
    if as_json and as_csv:
        raise UserError("--json and --csv exclude one another")
    folder = student_folder(model)
    found = find_pictures(paths)
    _report(found)
    if not found.pictures:
        raise UserError(f"{', '.join(map(shown, paths))}: no pictures found")

    # Torch takes seconds to load, which a wrong path or option need not cost.
    import torch
    from accelerate import PartialState

    from wsdkd.inference.predict import Unreadable, label_pictures
    from wsdkd.models.saved_student import load_student

    student = load_student(folder)
    device = PartialState(cpu=not torch.cuda.is_available()).device
    if threshold is None:
        threshold = THRESHOLD if top is None else -math.inf
    choice = Choice(student.classes, threshold, top)
    failed = len(found.closed)

    def readable() -> Iterator[Scored]:
        nonlocal failed
        outcomes = label_pictures(student, found.pictures, batch_size=batch_size, device=device)
        for outcome in track(outcomes, "predict", total=len(found.pictures)):
            if isinstance(outcome, Unreadable):
                failed += 1
                _write(f"{shown(outcome.path)}: {outcome.reason}\n", err=True)
            else:
                yield outcome.path, outcome.scores

    for text in _texts(choice, readable(), found.pictures, as_json, as_csv):
        _write(text)
    if failed:
        typer.echo(f"{failed} of the paths could not be read", err=True)
        raise typer.Exit(1)


def _texts(
    choice: Choice, pictures: Iterator[Scored], paths: list[Path], as_json: bool, as_csv: bool
) -> Iterator[str]:
    if as_json:
        return json_list(choice, pictures)
    if as_csv:
        return csv_rows(choice, pictures)
    return table_rows(choice, pictures, paths, Console(highlight=False, markup=False, emoji=False))


def _write(text: str, err: bool = False) -> None:
    # The bar is taken off a terminal for as long as a line is written beside it. In a log it would be
    # drawn anew after every line.
    with tqdm.external_write_mode() if sys.stderr.isatty() else nullcontext():
        typer.echo(text, nl=False, err=err)


def _report(found: Found) -> None:
    for folder, reason in found.closed:
        typer.echo(f"{shown(folder)}: cannot be listed: {reason}", err=True)
    if found.passed_over:
        kinds = [f"{count} {suffix or 'without suffix'}" for suffix, count in found.passed_over.items()]
        typer.echo(
            f"{found.passed_over.total()} files in folders passed over as no pictures: {', '.join(kinds)}",
            err=True,
        )

"""``wsdkd predict``: which labels a student gives to pictures."""

import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from wsdkd.cli.places import check_output
from wsdkd.evaluation.operating_point import OperatingPoint
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file
from wsdkd.ground.progress import track
from wsdkd.ground.words import counted
from wsdkd.serving.labels import Choice, Scored, csv_rows, json_list, shown, write_parquet
from wsdkd.serving.named import Found, find_pictures, student_named

if TYPE_CHECKING:
    from wsdkd.student.network import LoadedStudent

STANDARD_INPUT = Path("-")
WIDE = 10_000
"""Columns of what is no terminal, where a line need never be broken."""

app = typer.Typer(add_completion=False)


@app.command()
def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Pictures, folders of them, or - for paths on standard input."),
    ],
    model: Annotated[
        str, typer.Option(metavar="NAME|FOLDER", help="promoted, student, baseline, or a folder.")
    ] = "promoted",
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Give the labels scored above this; without it and --top, those above the thresholds that "
            "the student's validation images chose.",
        ),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(min=1, help="Give the best N labels; with --threshold, at most N of those above it."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Write to this file; its name ends in .csv, .json or .parquet.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list with one object a picture.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a table with one column a class.")] = False,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures that go through together.")] = 32,
) -> None:
    """Label pictures. Those that cannot be read are named and skipped, and the status is 1 then."""
    if sum((as_json, as_csv, to is not None)) > 1:
        raise UserError("--json, --csv and --to exclude one another")
    if to is not None:
        check_output(to, ".csv", ".json", ".parquet")
    named = student_named(model)
    found = find_pictures(_paths(paths))
    _report(found)
    if not found.pictures:
        raise UserError(f"{', '.join(map(shown, paths))}: no pictures found")

    # Torch takes seconds to load, which a wrong path or option need not cost.
    from wsdkd.student.network import load_student

    started = time.perf_counter()
    student = load_student(named.folder)
    point = named.operating_point(student)
    above: float | np.ndarray = -math.inf if top is not None else point.thresholds
    choice = Choice(student.classes, above if threshold is None else threshold, top)
    unreadable = [folder for folder, _ in found.closed]
    pictures = _scored(student, point, found.pictures, batch_size, unreadable)
    if to is None:
        texts = table_rows(choice, pictures, found.pictures)
        if as_json or as_csv:
            texts = json_list(choice, pictures) if as_json else csv_rows(choice, pictures)
        for text in texts:
            _write(text)
    else:
        _write_file(to, choice, pictures)
    seconds = time.perf_counter() - started
    said = f"{counted(len(found.pictures), 'picture')}, {len(unreadable)} unreadable, {seconds:.1f} s"
    if threshold is not None:
        said += f"; labels scored above {threshold:g}"
    elif top is None:
        said += f"; labels scored above {'thresholds ' if point.chosen else ''}{point.origin}"
    typer.echo(said, err=True)
    if unreadable:
        raise typer.Exit(1)


def _paths(paths: Sequence[Path]) -> list[Path]:
    """The paths, with those that standard input has, a line each or ended by NUL, in the place of ``-``."""
    found: list[Path] = []
    for path in paths:
        if path != STANDARD_INPUT:
            found.append(path)
            continue
        content = sys.stdin.buffer.read()
        lines = content.split(b"\0") if b"\0" in content else content.splitlines()
        found += [Path(os.fsdecode(line)) for line in lines if line]
    return found


def _report(found: Found) -> None:
    for folder, reason in found.closed:
        typer.echo(f"{shown(folder)}: cannot be listed: {reason}", err=True)
    if found.passed_over:
        kinds = [f"{count} {suffix or 'without suffix'}" for suffix, count in found.passed_over.items()]
        files = counted(found.passed_over.total(), "file")
        typer.echo(f"{files} in folders passed over as no pictures: {', '.join(kinds)}", err=True)


def _scored(
    student: "LoadedStudent",
    point: OperatingPoint,
    pictures: Sequence[Path],
    batch_size: int,
    unreadable: list[Path],
) -> Iterator[Scored]:
    """Yield pictures with their scores; name those that cannot be read, and add them to ``unreadable``."""
    import torch
    from accelerate import PartialState

    from wsdkd.student.run import Unreadable, label_pictures

    device = PartialState(cpu=not torch.cuda.is_available()).device
    outcomes = label_pictures(student, pictures, batch_size=batch_size, device=device)
    for outcome in track(outcomes, "predict", total=len(pictures)):
        if isinstance(outcome, Unreadable):
            unreadable.append(outcome.source)
            _write(f"{shown(outcome.source)}: {outcome.reason}\n", err=True)
        else:
            yield outcome.source, point.probabilities(outcome.logits)


def _write(text: str, err: bool = False) -> None:
    # The bar is taken off a terminal for as long as a line is written beside it. In a log it would be
    # drawn anew after every line.
    with tqdm.external_write_mode() if sys.stderr.isatty() else nullcontext():
        typer.echo(text, nl=False, err=err)


def _write_file(path: Path, choice: Choice, pictures: Iterator[Scored]) -> None:
    with publish_file(path) as aside:
        if path.suffix == ".parquet":
            write_parquet(choice, pictures, aside)
            return
        rows = json_list if path.suffix == ".json" else csv_rows
        with aside.open("w", encoding="utf-8", newline="") as file:
            file.writelines(rows(choice, pictures))


def table_rows(choice: Choice, pictures: Iterator[Scored], paths: Sequence[Path]) -> Iterator[str]:
    """A table for people, whose head comes with its first row.

    Args:
        choice: of labels.
        pictures: its rows.
        paths: of all pictures, the longest of which tells how wide the first column is.
    """
    console = Console(highlight=False, markup=False, emoji=False)
    width = max(len(shown(path)) for path in paths)
    if console.is_terminal:
        width = min(width, max(20, console.width // 2))
    else:
        console = Console(width=WIDE, highlight=False, markup=False, emoji=False)
    for number, (path, scores) in enumerate(pictures):
        if number == 0:
            yield _rendered(_table(width, header=True), console)
        # A table a picture: one over all would hold all of them to know its widths.
        table = _table(width, header=False)
        labels = ", ".join(f"{name} {score:.2f}" for name, score in choice.labels(scores))
        table.add_row(shown(path), labels or "-")
        yield _rendered(table, console)


def _table(width: int, header: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, show_header=header, header_style="bold")
    table.add_column("picture", width=width, overflow="fold")
    table.add_column("labels", overflow="fold")
    return table


def _rendered(table: Table, console: Console) -> str:
    with console.capture() as captured:
        console.print(table)
    return captured.get()

"""Predictions as text, one piece a picture, so that none has to be kept: a table, CSV or JSON.

``wsdkd predict``: which labels a student gives to pictures.
"""

import csv
import io
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from wsdkd.ground.errors import UserError
from wsdkd.ground.progress import track
from wsdkd.serving.labels import THRESHOLD, Choice
from wsdkd.serving.named import Found, find_pictures, student_folder

DECIMALS = 6
WIDE = 10_000
"""Columns of what is no terminal, where a line need never be broken."""

Scored = tuple[Path, np.ndarray]
"""A picture with the probabilities (K,) of its classes."""


def json_list(choice: Choice, pictures: Iterable[Scored]) -> Iterator[str]:
    """A list of objects: path, labels, and the score of every class."""
    yield "[\n"
    before = " "
    for path, scores in pictures:
        found = {
            "path": shown(path),
            "labels": [name for name, _ in choice.labels(scores)],
            "scores": dict(zip(choice.classes, _figures(scores), strict=True)),
        }
        yield f"{before}{json.dumps(found, ensure_ascii=False)}\n"
        before = ","
    yield "]\n"


def csv_rows(choice: Choice, pictures: Iterable[Scored]) -> Iterator[str]:
    """Columns path, labels (separated by ``;``), and one a class with its score."""
    yield _csv(["path", "labels", *choice.classes])
    for path, scores in pictures:
        labels = ";".join(name for name, _ in choice.labels(scores))
        yield _csv([shown(path), labels, *_figures(scores)])


def table_rows(
    choice: Choice, pictures: Iterable[Scored], paths: Sequence[Path], console: Console
) -> Iterator[str]:
    """A table for people.

    Args:
        choice: of labels.
        pictures: its rows.
        paths: of all pictures, the longest of which tells how wide the first column is.
        console: where it will be printed.
    """
    width = max(len(shown(path)) for path in paths)
    if console.is_terminal:
        width = min(width, max(20, console.width // 2))
    else:
        console = Console(width=WIDE, highlight=False, markup=False, emoji=False)
    yield _rendered(_table(width, header=True), console)
    for path, scores in pictures:
        # A table a picture: one over all would hold all of them to know its widths.
        table = _table(width, header=False)
        labels = ", ".join(f"{name} {score:.2f}" for name, score in choice.labels(scores))
        table.add_row(shown(path), labels or "-")
        yield _rendered(table, console)


def shown(path: Path) -> str:
    """A path as text that can be written: bytes that are no UTF-8 become replacement characters."""
    return os.fsencode(path).decode("utf-8", "replace")


def _figures(scores: np.ndarray) -> list[float]:
    figures: list[float] = np.round(scores.astype(np.float64), DECIMALS).tolist()
    return figures


def _csv(row: Sequence[str | float]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(row)
    return buffer.getvalue()


def _table(width: int, header: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, show_header=header, header_style="bold")
    table.add_column("picture", width=width, overflow="fold")
    table.add_column("labels", overflow="fold")
    return table


def _rendered(table: Table, console: Console) -> str:
    with console.capture() as captured:
        console.print(table)
    return captured.get()


app = typer.Typer(add_completion=False)


@app.command()
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

    from wsdkd.student.network import load_student
    from wsdkd.student.run import Unreadable, label_pictures

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
                _write(f"{shown(outcome.source)}: {outcome.reason}\n", err=True)
            else:
                yield outcome.source, outcome.scores

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

"""``wsdkd predict``: which labels a student gives to pictures."""

import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from wsdkd.cli.places import check_new_folder, check_output
from wsdkd.data.images import MAX_MEMORY
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file
from wsdkd.ground.loading import nothing_collected
from wsdkd.ground.progress import beside_bars, track
from wsdkd.ground.words import counted
from wsdkd.networks.params import InferencePrecision
from wsdkd.serving.labels import Choice, Scored, csv_rows, json_list, label_rows, shown, write_parquet
from wsdkd.serving.linked import linked
from wsdkd.serving.named import Found, find_pictures, student_named

if TYPE_CHECKING:
    from wsdkd.evaluation.operating_point import OperatingPoint
    from wsdkd.student.network import LoadedStudent
    from wsdkd.student.run import Labelled, Unreadable

STANDARD_INPUT = Path("-")
GB = 1_000_000_000
WIDE = 10_000
"""Columns of what is no terminal, where a line need never be broken."""

app = typer.Typer(add_completion=False)


@dataclass(frozen=True)
class Output:
    """Where labels go, and in which form.

    Attributes:
        to: a file; None is standard output.
        as_json: a list of objects, on standard output.
        as_csv: a table, on standard output.
        by_label: a row a label, in CSV.
    """

    to: Path | None
    as_json: bool
    as_csv: bool
    by_label: bool

    def check(self) -> None:
        """Refuse what does not go together, before anything is loaded.

        Raises:
            UserError: names the options, or the file.
        """
        if sum((self.as_json, self.as_csv, self.to is not None)) > 1:
            raise UserError("--json, --csv and --to exclude one another")
        if self.to is not None:
            check_output(self.to, ".csv", ".json", ".parquet")
        if self.by_label and not (self.as_csv or (self.to is not None and self.to.suffix == ".csv")):
            raise UserError("--by-label is a form of CSV: add --csv, or --to with a name that ends in .csv")

    def give(self, choice: Choice, pictures: Iterator[Scored], paths: Sequence[Path]) -> None:
        """Print or write ``pictures`` as they come; ``paths`` are those of all there may be."""
        if self.to is not None:
            self._write_file(self.to, choice, pictures)
            return
        if self.as_json or self.as_csv:
            texts = json_list(choice, pictures) if self.as_json else self._rows(choice, pictures)
        else:
            texts = table_rows(choice, pictures, paths)
        for text in texts:
            _write(text)

    def _rows(self, choice: Choice, pictures: Iterator[Scored]) -> Iterator[str]:
        return label_rows(choice, pictures) if self.by_label else csv_rows(choice, pictures)

    def _write_file(self, path: Path, choice: Choice, pictures: Iterator[Scored]) -> None:
        with publish_file(path) as aside:
            if path.suffix == ".parquet":
                write_parquet(choice, pictures, aside)
                return
            texts = json_list(choice, pictures) if path.suffix == ".json" else self._rows(choice, pictures)
            with aside.open("w", encoding="utf-8", newline="") as file:
                file.writelines(texts)


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
    by_label: Annotated[
        bool, typer.Option("--by-label", help="In CSV, a row a label that is given: path, label, score.")
    ] = False,
    link_to: Annotated[
        Path | None,
        typer.Option(help="Make this folder, with a folder a label in it that has links to its pictures."),
    ] = None,
    where: Annotated[
        Path | None,
        typer.Option(
            help="Make this folder, with a picture for each that is labelled: where its labels are."
        ),
    ] = None,
    memory: Annotated[
        float,
        typer.Option(
            min=0.001, metavar="GB", help="A picture that takes more to decode counts as unreadable."
        ),
    ] = MAX_MEMORY / GB,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures that go through together.")] = 32,
    precision: Annotated[
        InferencePrecision,
        typer.Option(help="In which the network computes; auto is bf16 on a GPU, else fp32."),
    ] = "auto",
) -> None:
    """Label pictures. Those that cannot be read are named and skipped, and the status is 1 then."""
    output = Output(to, as_json, as_csv, by_label)
    output.check()
    for option, folder in (("--link-to", link_to), ("--where", where)):
        if folder is not None:
            check_new_folder(option, folder)
    named = student_named(model)
    found = find_pictures(_paths(paths))
    _report(found)
    if not found.pictures:
        raise UserError(f"{', '.join(map(shown, paths))}: no pictures found")

    with nothing_collected():
        # Torch takes seconds to load, which a wrong path or option need not cost.
        from wsdkd.networks.weights import NothingDrawn
        from wsdkd.student.network import load_student

        started = time.perf_counter()
        with NothingDrawn():
            student = load_student(named.folder)
        point = named.operating_point(student)
    above: float | np.ndarray = -math.inf if top is not None else point.thresholds
    choice = Choice(student.classes, above if threshold is None else threshold, top)
    unreadable = [folder for folder, _ in found.closed]
    outcomes = _labelled(student, found.pictures, batch_size, precision, int(memory * GB))
    pictures = _scored(outcomes, point, unreadable)
    if link_to is not None:
        pictures = linked(pictures, choice, link_to)
    if where is not None:
        from wsdkd.serving.where import drawn

        pictures = drawn(pictures, choice, where, student, int(memory * GB))
    output.give(choice, pictures, found.pictures)
    seconds = time.perf_counter() - started
    said = f"{counted(len(found.pictures), 'picture')}, {len(unreadable)} unreadable, {seconds:.1f} s"
    typer.echo(said + _thresholds_in_words(threshold, top, point), err=True)
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


def _thresholds_in_words(threshold: float | None, top: int | None, point: "OperatingPoint") -> str:
    if threshold is not None:
        return f"; labels scored above {threshold:g}"
    if top is not None:
        return ""
    return f"; labels scored above {'thresholds ' if point.chosen else ''}{point.origin}"


def _labelled(
    student: "LoadedStudent",
    pictures: Sequence[Path],
    batch_size: int,
    precision: InferencePrecision,
    memory: int,
) -> Iterator["Labelled[Path] | Unreadable[Path]"]:
    import torch

    from wsdkd.student.run import label_pictures

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    outcomes = label_pictures(
        student, pictures, batch_size=batch_size, device=device, precision=precision, memory=memory
    )
    return track(outcomes, "predict", total=len(pictures))


def _scored(
    outcomes: Iterator["Labelled[Path] | Unreadable[Path]"], point: "OperatingPoint", unreadable: list[Path]
) -> Iterator[Scored]:
    """Yield pictures with their scores; name those that cannot be read, and add them to ``unreadable``."""
    from wsdkd.student.run import Unreadable

    for outcome in outcomes:
        if isinstance(outcome, Unreadable):
            unreadable.append(outcome.source)
            _write(f"{shown(outcome.source)}: {outcome.reason}\n", err=True)
        else:
            yield outcome.source, point.probabilities(outcome.logits)


def _write(text: str, err: bool = False) -> None:
    with beside_bars():
        typer.echo(text, nl=False, err=err)


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

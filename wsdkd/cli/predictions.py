"""Predictions as text, one piece a picture, so that none has to be kept: a table, CSV or JSON."""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

DECIMALS = 6
WIDE = 10_000
"""Columns of what is no terminal, where a line need never be broken."""

Scored = tuple[Path, np.ndarray]
"""A picture with the probabilities (K,) of its classes."""


@dataclass(frozen=True)
class Choice:
    """Which labels are given to a picture.

    Attributes:
        classes: names of the K classes.
        threshold: labels scored above it are given.
        top: at most this many of them, the best; None for all.
    """

    classes: Sequence[str]
    threshold: float
    top: int | None

    def labels(self, scores: np.ndarray) -> list[tuple[str, float]]:
        """Names and probabilities, the best first, of the labels given for ``scores`` (K,)."""
        order = np.argsort(-scores, kind="stable")
        above = [(self.classes[k], float(scores[k])) for k in order if scores[k] > self.threshold]
        return above[: self.top]


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

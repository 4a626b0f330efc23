"""Labels of pictures, and the forms they are given in, a piece at a time: JSON, CSV, Parquet."""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from wsdkd.ground.errors import UserError

DECIMALS = 6
ROW_GROUP = 10_000
"""Pictures that are held before they are written to a Parquet file."""

Scored = tuple[Path, np.ndarray]
"""A picture with the probabilities (K,) of its classes."""


@dataclass(frozen=True)
class Choice:
    """Which labels are given to a picture.

    Attributes:
        classes: names of the K classes.
        threshold: labels scored above it are given; one for all classes, or one a class (K,).
        top: at most this many of them, the best; None for all.
    """

    classes: Sequence[str]
    threshold: float | np.ndarray
    top: int | None

    def places(self, scores: np.ndarray) -> list[int]:
        """Places of the classes, the best first, of the labels given for ``scores`` (K,)."""
        given = scores > self.threshold
        return [int(k) for k in np.argsort(-scores, kind="stable") if given[k]][: self.top]

    def labels(self, scores: np.ndarray) -> list[tuple[str, float]]:
        """Names and probabilities, the best first, of the labels given for ``scores`` (K,)."""
        return [(self.classes[k], float(scores[k])) for k in self.places(scores)]

    def names(self, scores: np.ndarray) -> list[str]:
        """The names alone."""
        return [name for name, _ in self.labels(scores)]


def json_list(choice: Choice, pictures: Iterable[Scored]) -> Iterator[str]:
    """A list of objects: path, labels, and the score of every class."""
    yield "[\n"
    before = " "
    for path, scores in pictures:
        found = {
            "path": shown(path),
            "labels": choice.names(scores),
            "scores": dict(zip(choice.classes, _figures(scores), strict=True)),
        }
        yield f"{before}{json.dumps(found, ensure_ascii=False)}\n"
        before = ","
    yield "]\n"


def csv_rows(choice: Choice, pictures: Iterable[Scored]) -> Iterator[str]:
    """Columns path, labels (separated by ``;``), and one a class with its score."""
    yield _csv(["path", "labels", *choice.classes])
    for path, scores in pictures:
        yield _csv([shown(path), ";".join(choice.names(scores)), *_figures(scores)])


def label_rows(choice: Choice, pictures: Iterable[Scored]) -> Iterator[str]:
    """Columns path, label and score: a row a label that is given."""
    yield _csv(["path", "label", "score"])
    for path, scores in pictures:
        for name, score in choice.labels(scores):
            yield _csv([shown(path), name, round(score, DECIMALS)])


def write_parquet(choice: Choice, pictures: Iterable[Scored], path: Path) -> None:
    """A table with columns path, labels (a list), and one a class with its score, in single precision.

    Raises:
        UserError: a class has the name of another column.
    """
    # Arrow takes a while to load, which the other forms need not cost.
    import pyarrow as pa
    import pyarrow.parquet as pq

    taken = sorted({"path", "labels"} & set(choice.classes))
    if taken:
        raise UserError(f"--to {path}: a class is called {taken[0]}, as a column is; choose .json")
    columns = [("path", pa.string()), ("labels", pa.list_(pa.string()))]
    schema = pa.schema([*columns, *((name, pa.float32()) for name in choice.classes)])
    with pq.ParquetWriter(path, schema) as writer:
        left = iter(pictures)
        while group := list(islice(left, ROW_GROUP)):
            scores = np.stack([scores for _, scores in group]).astype(np.float32)
            arrays = [
                pa.array([shown(path) for path, _ in group]),
                pa.array([choice.names(scores) for _, scores in group], columns[1][1]),
                *(pa.array(column) for column in scores.T),
            ]
            writer.write_table(pa.table(arrays, schema=schema))


def shown(path: Path) -> str:
    r"""A path as text that can be written.

    A name that is no UTF-8 has its odd bytes as ``\xff``, and its backslashes doubled, so that ``printf %b``
    gives the name back.
    """
    name = os.fsencode(path)
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def _figures(scores: np.ndarray) -> list[float]:
    figures: list[float] = np.round(scores.astype(np.float64), DECIMALS).tolist()
    return figures


def _csv(row: Sequence[str | float]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(row)
    return buffer.getvalue()

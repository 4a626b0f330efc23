"""Twelve pictures with labels, of which the tests of other people's forms each write another form."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wsdkd.datasets.params import AutoDataset
from wsdkd.datasets.prepare import Prepared, prepare

LABELS = (("cat",), ("dog",), ("cat", "dog"), (), ("cow", "dog"), ("cow",))


def labels_of(number: int) -> list[str]:
    """The labels of a picture."""
    return list(LABELS[number % len(LABELS)])


def read(root: Path) -> Prepared:
    """What is made of a folder of which nobody says what it holds."""
    params = AutoDataset(format="auto", root=str(root), validation_fraction=0.2, test_fraction=0.2)
    return prepare(root, params, workers=1)


def assert_labels(prepared: Prepared) -> None:
    """Every picture has its labels, by the number in its name."""
    assert len(prepared.images) == 12
    for row in prepared.images:
        number = int("".join(filter(str.isdigit, Path(row.path).stem)))
        assert sorted(prepared.classes[label] for label in row.labels) == labels_of(number), row.path


def write_csv(path: Path, rows: Sequence[Sequence[Any]], **how: Any) -> None:
    """A table as the module csv writes it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, **how).writerows(rows)

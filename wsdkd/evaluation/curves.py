"""Training curves as dvclive writes them: a table of steps and values a quantity."""

import csv
from pathlib import Path

import numpy as np


def read_curves(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """All curves below a folder, sorted by name.

    Returns:
        For each ``.tsv`` file, named by its path inside the innermost folder ``metrics``, its steps
        (T,) and values (T,).

    Raises:
        ValueError: a file has no column ``step``, or a value is no number.
    """
    curves = {}
    for path in sorted(folder.rglob("*.tsv")):
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        if not rows:
            continue
        column = next(reversed(rows[0]))
        try:
            steps = np.array([float(row["step"]) for row in rows])
            values = np.array([float(row[column]) for row in rows])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: not a training curve: {error}") from None
        curves[_name(path.relative_to(folder))] = (steps, values)
    return curves


def _name(path: Path) -> str:
    steps = list(path.with_suffix("").parts)
    if "metrics" in steps:
        steps = steps[len(steps) - steps[::-1].index("metrics") :]
    return "/".join(steps)

"""What an evaluation writes, equal numbers to equal bytes, and the training curves that it reads."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from wsdkd.evaluation.params import NETWORKS
from wsdkd.ground.files import publish_file

DECIMALS = 4

Curves = dict[str, tuple[np.ndarray, np.ndarray]]
"""Curves by name, each its steps (T,) and values (T,)."""


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """Write a tree of dictionaries and lists as JSON, its floats at four decimals.

    Raises:
        ValueError: a number is NaN or infinite: what is not known is to be absent, or None.
    """
    with publish_file(path) as aside:
        text = json.dumps(rounded(report), indent=2, ensure_ascii=False, allow_nan=False)
        aside.write_text(text + "\n", encoding="utf-8")


def summary(accuracy: Mapping[str, Any]) -> dict[str, Any]:
    """The few figures that DVC compares between runs, in percent: as many as a terminal is wide."""
    means = {name: accuracy[name]["mAP"] for name in NETWORKS}
    student = {name: accuracy["student"][name] for name in ("CF1", "OF1")}
    return {"mAP": means, "gain_mAP": accuracy["gain_mAP"], **student}


def rounded(value: Any) -> Any:
    """A tree of dictionaries and lists with its floats at four decimals."""
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    return round(value, DECIMALS) if isinstance(value, float) else value


def write_columns(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Write arrays of equal length (T,) as the columns of a CSV file, at four decimals."""
    with publish_file(path) as aside, aside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(
            zip(*(np.round(column, DECIMALS).tolist() for column in columns.values()), strict=True)
        )


@dataclass(frozen=True)
class ClassRow:
    """One class; AP, gain, precision and recall in percent, None where there is nothing to score.

    The last three are of the student's operating point, where validation images chose one.
    """

    name: str
    train_images: int
    test_positives: int
    AP_baseline: float | None
    AP_teacher: float | None
    AP_student: float | None
    gain: float | None
    AP50_teacher: float | None
    threshold_student: float | None = None
    precision_student: float | None = None
    recall_student: float | None = None


def class_rows(
    names: Sequence[str],
    train_images: np.ndarray,
    test_positives: np.ndarray,
    precisions: dict[str, np.ndarray],
    ap50: np.ndarray | None,
) -> list[ClassRow]:
    """Rows sorted as in the authors' figures, the most frequent class in training first.

    Args:
        names: of the K classes.
        train_images: (K,), training images with each class.
        test_positives: (K,), test images with each class.
        precisions: AP (K,) of baseline, teacher and student, NaN where undefined.
        ap50: the teacher's detection AP (K,), or None where no boxes are known.
    """
    order = sorted(range(len(names)), key=lambda k: (-int(train_images[k]), k))
    gains = precisions["student"] - precisions["baseline"]
    return [
        ClassRow(
            names[k],
            int(train_images[k]),
            int(test_positives[k]),
            _figure(precisions["baseline"][k]),
            _figure(precisions["teacher"][k]),
            _figure(precisions["student"][k]),
            _figure(gains[k]),
            None if ap50 is None else _figure(ap50[k]),
        )
        for k in order
    ]


def write_class_rows(path: Path, rows: Sequence[ClassRow]) -> None:
    """Write a CSV file whose header is the names of the fields; None is an empty cell."""
    with publish_file(path) as aside, aside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in fields(ClassRow)])
        writer.writerows(astuple(row) for row in rows)


def _figure(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def read_curves(folder: Path) -> Curves:
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

"""Each class on its own: what it gained, beside how often it was seen in training."""

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from wsdkd.files import publish_file


@dataclass(frozen=True)
class ClassRow:
    """One class; AP and gain in percent, None where there is nothing to score."""

    name: str
    train_images: int
    test_positives: int
    AP_baseline: float | None
    AP_teacher: float | None
    AP_student: float | None
    gain: float | None
    AP50_teacher: float | None


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

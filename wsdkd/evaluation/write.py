"""Writing reports: equal numbers give equal bytes."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wsdkd.files import publish_file

DECIMALS = 4


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """Write a tree of dictionaries and lists as JSON, its floats at four decimals.

    Raises:
        ValueError: a number is NaN or infinite: what is not known is to be absent, or None.
    """
    with publish_file(path) as aside:
        text = json.dumps(rounded(report), indent=2, ensure_ascii=False, allow_nan=False)
        aside.write_text(text + "\n", encoding="utf-8")


def write_columns(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Write arrays of equal length (T,) as the columns of a CSV file, at four decimals."""
    with publish_file(path) as aside, aside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(
            zip(*(np.round(column, DECIMALS).tolist() for column in columns.values()), strict=True)
        )


def rounded(value: Any) -> Any:
    """A tree of dictionaries and lists with its floats at four decimals."""
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    return round(value, DECIMALS) if isinstance(value, float) else value

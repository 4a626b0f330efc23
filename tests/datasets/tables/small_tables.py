"""Small tables, and what a reading of one says of each image."""

from pathlib import Path
from typing import Any

from wsdkd.datasets.params import TableDataset
from wsdkd.datasets.reading.records import Reading


def params(**changes: Any) -> TableDataset:
    return TableDataset(format="table", root="r", **changes)


def write(folder: Path, text: str) -> None:
    (folder / "labels.csv").write_text(text, encoding="utf-8")


def labels_of(reading: Reading) -> dict[str, tuple[str, ...]]:
    return {
        record.path: tuple(reading.classes[place] for place in record.labels) for record in reading.images
    }


def ignored_of(reading: Reading) -> dict[str, tuple[str, ...]]:
    return {
        record.path: tuple(reading.classes[place] for place in record.ignored) for record in reading.images
    }


def splits_of(reading: Reading) -> dict[str, str]:
    return {record.path: record.split for record in reading.images}

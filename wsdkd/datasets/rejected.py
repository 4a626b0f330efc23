"""``rejected.csv``: what of a dataset cannot be used, with the reason."""

import csv
from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path

from wsdkd.datasets.records import Rejection
from wsdkd.files import publish_file


def write_rejected(path: Path, rejected: Sequence[Rejection]) -> None:
    """Write the rejections, a row each below a head; the same rejections give the same bytes."""
    with (
        publish_file(path) as aside,
        aside.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(Rejection))
        writer.writerows(astuple(rejection) for rejection in rejected)

"""Raw results of a campaign: a table of its cases, and the circumstances beside it."""

import csv
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.faults.case import Campaign, Case
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file
from wsdkd.ground.origin import processor, versions

PACKAGES = ("torch", "numpy", "pyarrow", "h5py", "pillow", "dvc")
WRITTEN = 20
"""Seconds after which the table is written anew, so that an interrupted campaign is not lost."""


@dataclass(frozen=True)
class Results:
    """Of one campaign.

    Attributes:
        run: ``command``, ``date``, ``machine``, ``versions``, ``seed``, ``seconds``, and ``whole``: the
            cases of a whole campaign; under ``again``, commands that did some of the cases later.
        cases: that were done.
    """

    run: dict[str, Any]
    cases: tuple[Case, ...]


def circumstances(campaign: Campaign, seed: int, command: str) -> dict[str, Any]:
    """Of a campaign that begins now."""
    return {
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": processor(),
        "versions": versions(PACKAGES),
        "seed": seed,
        "whole": campaign.whole,
    }


def write_results(folder: Path, name: str, run: dict[str, Any], cases: Iterable[Case]) -> None:
    """Write both files of a campaign."""
    columns = [field.name for field in fields(Case)]
    with publish_file(folder / f"{name}.csv") as aside, aside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(case) for case in cases)
    with publish_file(folder / f"{name}.json") as aside:
        aside.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")


def read_results(folder: Path, name: str) -> Results | None:
    """What :func:`write_results` wrote; None where the campaign was not run.

    Raises:
        UserError: the two files do not belong together.
    """
    table, run = folder / f"{name}.csv", folder / f"{name}.json"
    if not table.is_file() and not run.is_file():
        return None
    try:
        with table.open(encoding="utf-8", newline="") as file:
            cases = tuple(map(_case, csv.DictReader(file)))
        return Results(json.loads(run.read_text(encoding="utf-8")), cases)
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{table}: not the results of a campaign: {error}") from None


def _case(row: dict[str, str]) -> Case:
    return Case(
        int(row["number"]),
        row["what"],
        row["how"],
        row["found"],
        row["good"] == "True",
        float(row["seconds"]),
        int(row["megabytes"]),
        row["said"],
    )

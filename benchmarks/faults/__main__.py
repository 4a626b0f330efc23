"""Faults on purpose, and what became of them.

    python -m benchmarks.faults                            # all campaigns, which takes hours
    python -m benchmarks.faults --share 0.1                # a tenth of each
    python -m benchmarks.faults --only mutations --write   # one of them, taken over into the document
    python -m benchmarks.faults --only kills --cases 7,20-29  # these, in the place of their old results
    python -m benchmarks.faults.page                       # docs/reliability.md again, from the results

Results go to reports/faults, and with ``--write`` to docs/reliability, from which the document is made.
The campaigns use small data sets and pipelines of the project's tests.
"""

import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command import run
from benchmarks.faults.case import Campaign, Case
from benchmarks.faults.results import WRITTEN, circumstances, read_results, write_results
from wsdkd.ground.errors import UserError

REPORTS = Path("reports/faults")


def main(
    only: Annotated[str, typer.Option(metavar="NAMES", help="Campaigns to run, with commas between.")] = "",
    share: Annotated[float, typer.Option(min=0, max=1, help="Of the cases of each campaign.")] = 1.0,
    cases: Annotated[str, typer.Option(metavar="NUMBERS", help="These cases alone: 7,12,20-29.")] = "",
    seed: Annotated[int, typer.Option(help="Of all that is drawn.")] = 0,
    write: Annotated[bool, typer.Option("--write", help="Take the results over into the document.")] = False,
    to: Annotated[Path, typer.Option(help="Folder of the results.")] = REPORTS,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the undisturbed pipeline in this folder, or take it from there.")
    ] = None,
) -> None:
    """Run campaigns, say what became of each case that is not right, and write all results."""
    # One thread and process each, as a campaign forks and kills them.
    os.environ.update({"OMP_NUM_THREADS": "1", "WSDKD_WORKERS": "1"})
    # A shell lets what it starts in the background ignore Ctrl-C, and so would all that is to be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from benchmarks.faults import page, pipeline
    from benchmarks.faults.campaigns import CAMPAIGNS

    if keep is not None:
        os.environ[pipeline.KEPT] = str(keep.absolute())
    known = {campaign.name: campaign for campaign in CAMPAIGNS}
    names = only.split(",") if only else list(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UserError(f"--only {unknown[0]}: unknown; allowed: {', '.join(known)}")
    chosen = _numbers(cases)
    if chosen and len(names) != 1:
        raise UserError("--cases goes with --only and one campaign")
    folder = page.RESULTS if write else to
    wrong = 0
    for name in names:
        wrong += _run(known[name], chosen or known[name].cases(share), seed, folder, anew=bool(chosen))
    if write:
        page.write_page(page.PAGE)
    if wrong:
        raise UserError(f"{wrong} cases did not end as they should; see {folder}")


def _numbers(text: str) -> list[int]:
    numbers: list[int] = []
    try:
        for part in filter(None, text.split(",")):
            first, _, last = part.partition("-")
            numbers += range(int(first), int(last or first) + 1)
    except ValueError:
        raise UserError(f"--cases {text}: expected numbers with commas between, such as 7,12,20-29") from None
    return numbers


def _run(campaign: Campaign, numbers: Sequence[int], seed: int, folder: Path, *, anew: bool) -> int:
    """Run cases of a campaign and write their results; how many are not right.

    Args:
        campaign: to be run.
        numbers: of its cases.
        seed: of all that is drawn.
        folder: takes the results.
        anew: the cases take the place of those that are there, and the others stay.
    """
    started, command = time.perf_counter(), " ".join(["python -m benchmarks.faults", *sys.argv[1:]])
    told, kept, done = circumstances(campaign, seed, command), list[Case](), list[Case]()
    before = read_results(folder, campaign.name) if anew else None
    if before is not None:
        told = {**before.run, "again": [*before.run.get("again", []), command]}
        kept = [case for case in before.cases if case.number not in numbers]

    written = started

    def keep() -> None:
        cases = sorted([*kept, *done], key=lambda case: case.number)
        seconds = told.get("seconds", 0) + round(time.perf_counter() - started)
        write_results(folder, campaign.name, {**told, "seconds": seconds}, cases)

    with tempfile.TemporaryDirectory(prefix=f"wsdkd-{campaign.name}-") as base:
        for case in campaign.run(seed, numbers, Path(base)):
            # Where the project of a case lay for a while, is of no interest.
            done.append(replace(case, said=re.sub(rf"{re.escape(base)}(/[\w-]+/project/?)?", "", case.said)))
            if not case.good:
                typer.echo(
                    f"{campaign.name} {case.number}: {case.what}: {case.how}: {case.found}: {case.said}"
                )
            if time.perf_counter() - written > WRITTEN:
                keep()
                written = time.perf_counter()
    keep()
    wrong = sum(not case.good for case in done)
    typer.echo(f"{campaign.name}: {len(done)} of {campaign.whole}, {wrong} not right")
    return wrong


if __name__ == "__main__":
    run(main)

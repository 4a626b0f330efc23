"""Faults on purpose, and what became of them.

    python -m benchmarks.faults                            # all campaigns, some 60 minutes on two cores
    python -m benchmarks.faults --share 0.1                # a tenth of each
    python -m benchmarks.faults --only mutations --write   # one of them, taken over into the document
    python -m benchmarks.faults.page                       # docs/reliability.md again, from the results

Results go to reports/faults, and with ``--write`` to docs/reliability, from which the document is made.
The campaigns use small data sets and pipelines of the project's tests.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command import run
from wsdkd.ground.errors import UserError

REPORTS = Path("reports/faults")


def main(
    only: Annotated[str, typer.Option(metavar="NAMES", help="Campaigns to run, with commas between.")] = "",
    share: Annotated[float, typer.Option(min=0, max=1, help="Of the cases of each campaign.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of all that is drawn.")] = 0,
    write: Annotated[bool, typer.Option("--write", help="Take the results over into the document.")] = False,
    to: Annotated[Path, typer.Option(help="Folder of the results.")] = REPORTS,
) -> None:
    """Run campaigns, say what became of each case that is not right, and write all results."""
    # One thread and process each, as a campaign forks and kills them.
    os.environ.update({"OMP_NUM_THREADS": "1", "WSDKD_WORKERS": "1"})
    from benchmarks.faults import page
    from benchmarks.faults.campaigns import CAMPAIGNS
    from benchmarks.faults.results import WRITTEN, circumstances, write_results

    known = {campaign.name: campaign for campaign in CAMPAIGNS}
    names = only.split(",") if only else list(known)
    for name in names:
        if name not in known:
            raise UserError(f"--only {name}: unknown; allowed: {', '.join(known)}")
    command = " ".join(["python -m benchmarks.faults", *sys.argv[1:]])
    folder = page.RESULTS if write else to
    wrong = 0
    for name in names:
        campaign, started = known[name], time.perf_counter()
        told = circumstances(campaign, seed, command)
        done = []
        with tempfile.TemporaryDirectory(prefix=f"wsdkd-{name}-") as base:
            for case in campaign.run(seed, campaign.cases(share), Path(base)):
                done.append(case)
                if not case.good:
                    typer.echo(f"{name} {case.number}: {case.what}: {case.how}: {case.found}: {case.said}")
                told["seconds"] = round(time.perf_counter() - started)
                if len(done) % WRITTEN == 0:
                    write_results(folder, name, told, done)
        write_results(folder, name, told, done)
        bad = sum(not case.good for case in done)
        typer.echo(f"{name}: {len(done)} of {campaign.whole}, {bad} not right, {told.get('seconds', 0)} s")
        wrong += bad
    if write:
        page.write_page(page.PAGE)
    if wrong:
        raise UserError(f"{wrong} cases did not end as they should; see {folder}")


if __name__ == "__main__":
    run(main)

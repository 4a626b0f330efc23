"""Time and memory of every stage against images and against proposals.

    python -m benchmarks.growth                           # all of it, some 25 minutes on two quiet cores
    python -m benchmarks.growth --write docs/scaling.md   # and takes the results over into the page
    python -m benchmarks.growth --smoke --until prepare   # tiny, the first two stages alone

Results go to reports/growth.json. Scenes are drawn in a temporary folder.
"""

import sys
import tempfile
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command import run
from benchmarks.growth.plan import FULL, SMOKE, STAGES
from benchmarks.growth.run import against_images, against_proposals
from wsdkd.ground.errors import UserError

REPORT = Path("reports/growth.json")


def main(
    smoke: Annotated[bool, typer.Option("--smoke", help="Everything tiny: runs, and means nothing.")] = False,
    until: Annotated[str, typer.Option(metavar="STAGE", help="The last stage that is run.")] = STAGES[-1],
    write: Annotated[
        Path | None, typer.Option(metavar="PAGE", help="Take the results over into this page.")
    ] = None,
    to: Annotated[Path, typer.Option(help="The JSON file to write.")] = REPORT,
) -> None:
    """Measure, and write what each stage took at each size."""
    from benchmarks.growth import results

    if until not in STAGES:
        raise UserError(f"--until {until}: unknown; allowed: {', '.join(STAGES)}")
    if write is not None and (smoke or until != STAGES[-1]):
        raise UserError("--write excludes --smoke and --until: a page is of everything")
    plan, stages = SMOKE if smoke else FULL, STAGES[: STAGES.index(until) + 1]
    to = to.absolute()  # stages run in folders of their own
    found = results.empty(" ".join(["python -m benchmarks.growth", *sys.argv[1:]]))
    with tempfile.TemporaryDirectory() as folder:
        both = (measure(plan, stages, Path(folder)) for measure in (against_images, against_proposals))
        for run in chain.from_iterable(both):
            told = f"{run['seconds']:.1f} s, {run['peak_bytes'] / 1e6:.0f} MB"
            typer.echo(f"{run['count']} {run['against']}: {run['stage']}: {told}", err=True)
            found["runs"].append(run)
            results.write_results(to, found)
    if write is not None:
        from benchmarks.growth import figure, page

        results.write_results(write.with_name(page.RESULTS), found)
        figure.draw(found, write.parent / page.FIGURE)
        page.write_page(write)


if __name__ == "__main__":
    run(main)

"""Every stage's speed against its limit: ratios of two things timed in turns.

    python -m benchmarks.bench                                # all rows, some half an hour on two quiet cores
    python -m benchmarks.bench --rows cache_read,cache_write
    python -m benchmarks.bench --write docs/performance.md    # and takes the results over into the page

Results go to reports/bench.json. Data is made in a temporary folder: nothing of data/ or models/ is used.
"""

import sys
import tempfile
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command import run
from wsdkd.ground.errors import UserError

# Processes that decode and propose import this module again, and are to find neither torch nor rows in it.

REPORT = Path("reports/bench.json")
FAILED, UNMET = 1, 2


def main(
    rows: Annotated[str, typer.Option(metavar="NAME,...", help="Some rows; all by default.")] = "",
    smoke: Annotated[bool, typer.Option("--smoke", help="Everything tiny: runs, and means nothing.")] = False,
    pairs: Annotated[int, typer.Option(min=0, help="Times of each; 0: 5, or 1 with --smoke.")] = 0,
    strict: Annotated[bool, typer.Option("--strict", help="Status 2 where a target is not met.")] = False,
    write: Annotated[
        Path | None, typer.Option(metavar="PAGE", help="Take the results over into this page.")
    ] = None,
    to: Annotated[Path, typer.Option(help="The JSON file to write.")] = REPORT,
) -> None:
    """Measure, and print a table. The status is 1 where a row could not be measured."""
    from rich.console import Console

    from benchmarks.bench import page, results, table
    from benchmarks.bench.rows import ROWS
    from benchmarks.bench.sizes import FULL, SMOKE
    from benchmarks.bench.world import World

    chosen = rows.split(",") if rows else list(ROWS)
    unknown = [name for name in chosen if name not in ROWS]
    if unknown:
        raise UserError(f"--rows {unknown[0]}: unknown; allowed: {', '.join(ROWS)}")
    if write is not None and smoke:
        raise UserError("--write and --smoke exclude one another: what is tiny means nothing")
    sizes = SMOKE if smoke else FULL
    sizes = replace(sizes, pairs=pairs or sizes.pairs)
    command = " ".join(["python -m benchmarks.bench", *sys.argv[1:]])
    found, failed = results.empty(), []
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), sizes)
        for name in chosen:
            typer.echo(f"{name}: {ROWS[name].ours} / {ROWS[name].other}", err=True)
            try:
                measured = ROWS[name].measure(world)
            except Exception:  # one row must not cost the others their quarter of an hour
                traceback.print_exc()
                failed.append(name)
                continue
            found["rows"][name] = results.entry(ROWS[name], measured, command)
            results.write_results(to, found)
    Console(width=None if sys.stdout.isatty() else 160).print(table.terminal_table(found["rows"]))
    if write is not None:
        kept = write.with_name(page.RESULTS)
        results.write_results(kept, results.merged(results.read_results(kept), found))
        page.write_page(write)
    if failed:
        typer.echo(f"not measured: {', '.join(failed)}", err=True)
        raise typer.Exit(FAILED)
    if strict and any(row["met"] is False for row in found["rows"].values()):
        raise typer.Exit(UNMET)


if __name__ == "__main__":
    run(main)

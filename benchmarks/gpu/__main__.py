"""What a GPU makes of the pipeline, in one run on the card.

    python -m benchmarks.gpu                                  # all rows, in nine minutes at most
    python -m benchmarks.gpu --only cache_vgg16 --only features
    python -m benchmarks.gpu --smoke                          # on a CPU, tiny: runs, and means nothing

Results go to docs/gpu.json, and from there into docs/gpu.md. On a machine without network, first elsewhere:

    python -m benchmarks.gpu --bundle build/gpu-wheels --python 3.12

and then there, with that folder beside the code: python -m benchmarks.gpu --wheels build/gpu-wheels
"""

import argparse
import gc
import os
import sys
import tempfile
import time
import traceback
from dataclasses import replace
from pathlib import Path

from benchmarks.gpu import bundle

# Nothing else is imported before a bundle is unpacked: it may be what is missing.

RESULTS, SMOKE_RESULTS = Path("docs/gpu.json"), Path("reports/gpu-smoke.json")
FAILED, UNMET = 1, 2


def main(arguments: list[str]) -> int:
    """Measure, write what was found after each row, and print it.

    Returns:
        0; 1 where a row failed, 2 with ``--strict`` where a target is not met or a figure is not right.
    """
    options = _options(arguments)
    if options.bundle is not None:
        bundle.collect(options.bundle, options.python)
        return 0
    site = None if options.wheels is None else bundle.use(options.wheels)
    # Every picture is decoded each time that it is shown, as of a dataset that memory does not hold.
    os.environ["WSDKD_MEMORY_GB"] = "0"
    return _measure(options, site, " ".join(["python -m benchmarks.gpu", *arguments]))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="ROW", help="this row; may be repeated"
    )
    parser.add_argument("--smoke", action="store_true", help="everything tiny, on a CPU as well")
    parser.add_argument(
        "--seconds", type=float, default=540, help="begin no row that would take it beyond these"
    )
    parser.add_argument("--pairs", type=int, default=0, help="times of each; 5, or 1 with --smoke")
    parser.add_argument("--strict", action="store_true", help="status 2 where a target is not met")
    parser.add_argument("--to", type=Path, help=f"results; {RESULTS}, or {SMOKE_RESULTS} with --smoke")
    parser.add_argument("--bundle", type=Path, metavar="DIR", help="download wheels into it, and end")
    parser.add_argument("--python", default="3.12", help="version of the machine that a bundle is for")
    parser.add_argument("--wheels", type=Path, metavar="DIR", help="import what is missing from this bundle")
    return parser.parse_args(arguments)


def _measure(options: argparse.Namespace, site: Path | None, command: str) -> int:
    started = time.monotonic()
    import torch

    from benchmarks.device import device
    from benchmarks.gpu import page, results
    from benchmarks.gpu.row import NotHere
    from benchmarks.gpu.rows import ROWS
    from benchmarks.gpu.sizes import FULL, SMOKE
    from benchmarks.gpu.world import World

    names = options.only or list(ROWS)
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        sys.stderr.write(f"error: --only {unknown[0]}: unknown; allowed: {', '.join(ROWS)}\n")
        return FAILED
    where = device()
    if where.type != "cuda" and not options.smoke:
        sys.stderr.write("error: no GPU is at hand; --smoke runs everything tiny on a CPU\n")
        return FAILED
    path = options.to or (SMOKE_RESULTS if options.smoke else RESULTS)
    sizes = SMOKE if options.smoke else FULL
    old = results.read_results(path) if options.to is None else {}
    found, failed = results.empty(where), False
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), replace(sizes, pairs=options.pairs or sizes.pairs), where, site)
        for name in names:
            begun = time.monotonic()
            if begun - started + ROWS[name].seconds > options.seconds and not options.smoke:
                found["left_out"][name] = "no time was left"
                continue
            sys.stderr.write(f"{name}: {ROWS[name].ours} / {ROWS[name].other}\n")
            try:
                outcome = ROWS[name].measure(world)
            except NotHere as reason:
                found["left_out"][name] = str(reason)
            except Exception as error:  # one row must not cost the others their minutes on a card
                traceback.print_exc()
                found["left_out"][name], failed = f"failed: {type(error).__name__}", True
            else:
                taken = time.monotonic() - begun
                found["rows"][name] = results.entry(ROWS[name], outcome, command, taken)
                found["matrix"] = world.clock.peak
            results.write_results(path, results.merged(old, found))
            # Networks of one row are not to count in the memory of the next.
            gc.collect()
            torch.cuda.empty_cache()
    sys.stdout.write("\n\n".join([page.speeds(found), page.checks(found), page.run(found)]) + "\n")
    if path == RESULTS:
        page.write_page(page.PAGE)
    wrong = any(row["met"] is False for row in found["rows"].values())
    return FAILED if failed else UNMET if options.strict and wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

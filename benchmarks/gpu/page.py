"""docs/gpu.md, whose generated parts are made of docs/gpu.json.

    python -m benchmarks.gpu.page   # write the page again

A generated part stands between ``<!-- WHAT of gpu -->`` and ``<!-- end -->``; all else is written by hand.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.gpu.results import Results, read_results
from benchmarks.parts import of_rows, rewrite, with_parts
from wsdkd.ground.errors import UserError

PAGE = Path("docs/gpu.md")
RESULTS = "gpu.json"
"""Beside the page."""
SUITE = "gpu"
NOT_YET = "Not run on a card yet: no GPU was at hand. There are no figures."
TERA, GIB = 1e12, 2**30


def with_results(text: str, results: Results) -> str:
    """A page with its generated parts made anew.

    Raises:
        UserError: a part is of no known kind.
    """
    return with_parts(text, SUITE, of_rows(results, PARTS, NOT_YET))


def write_page(page: Path) -> None:
    """Make the generated parts of a page anew, from the results beside it."""
    rewrite(page, SUITE, of_rows(read_results(page.with_name(RESULTS)), PARTS, NOT_YET))


def speeds(results: Results) -> str:
    """A line a row that compares two speeds."""
    lines = [
        "| row | what | against | target | median | spread | each | share of peak | memory | idle |",
        "|---|---|---|---:|---:|---:|---|---:|---:|---:|",
    ]
    for name, row in results["rows"].items():
        if "ratios" not in row:
            continue
        target = "-" if row["target"] is None else f"{row['target']:g}{'' if row['met'] else ', not met'}"
        parts = [
            f"`{name}`",
            row["ours"],
            row["other"],
            target,
            f"{row['ratio']:.2f}",
            f"{min(row['ratios']):.2f} to {max(row['ratios']):.2f}",
            f"{1000 * row['ours_each']:.3g} ms a {row['item']}; {row['note']}",
            _share(row["peak_share"]),
            "-" if row["memory"] is None else f"{row['memory'] / GIB:.1f} GiB",
            _share(row["idle"]),
        ]
        lines.append(f"| {' | '.join(parts)} |")
    return "\n".join(lines)


def checks(results: Results) -> str:
    """A line a row that holds numbers against numbers."""
    lines = ["| row | what | against | figures | right |", "|---|---|---|---|---|"]
    for name, row in results["rows"].items():
        if "figures" in row:
            figures = "; ".join(f"{key}: {value:.4g}" for key, value in row["figures"].items())
            right = "yes" if row["right"] else "no"
            lines.append(
                f"| `{name}` | {row['ours']} | {row['other']} | {figures} ({row['note']}) | {right} |"
            )
    return "\n".join(lines)


def run(results: Results) -> str:
    """The card, what else it hangs on, and what was left out."""
    rows = results["rows"].values()
    commands = ", ".join(dict.fromkeys(f"`{row['command']}` on {row['date']}" for row in rows))
    numbers = ", ".join(f"{package} {number}" for package, number in results["versions"].items())
    matrix = (
        "" if results["matrix"] is None else f"; {2 * results['matrix'] / TERA:.0f} TFLOP/s by the product"
    )
    left = "".join(f" Left out: `{name}` ({why})." for name, why in results["left_out"].items())
    return f"{commands}; {results['card'] or 'no GPU'}, {results['machine']}{matrix}; {numbers}.{left}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


PARTS: dict[str, Callable[[Results], str]] = {"speeds": speeds, "checks": checks, "run": run}


if __name__ == "__main__":
    try:
        write_page(PAGE)
    except UserError as error:
        sys.exit(f"error: {error}")

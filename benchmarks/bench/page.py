"""The generated parts of docs/performance.md, from docs/bench.json.

    python -m benchmarks.bench.page   # write the page again

``python -m benchmarks.bench --write docs/performance.md`` measures first. A generated part stands between
``<!-- WHAT of bench -->`` and ``<!-- end -->``; all else is written by hand.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.bench.results import Results, read_results
from benchmarks.bench.table import markdown_absolute, markdown_table
from benchmarks.parts import of_rows, rewrite, with_parts
from wsdkd.ground.errors import UserError

PAGE = Path("docs/performance.md")
RESULTS = "bench.json"
"""Beside the page."""
SUITE = "bench"


def with_results(text: str, results: Results) -> str:
    """A page with its generated parts made anew.

    Raises:
        UserError: a part is of no known kind.
    """
    return with_parts(text, SUITE, of_rows(results, PARTS))


def write_page(page: Path) -> None:
    """Make the generated parts of a page anew, from the results beside it."""
    rewrite(page, SUITE, of_rows(read_results(page.with_name(RESULTS)), PARTS))


def _run(results: Results) -> str:
    versions = ", ".join(f"{package} {number}" for package, number in results["versions"].items())
    rows = results["rows"].values()
    commands = ", ".join(dict.fromkeys(f"`{row['command']}` on {row['date']}" for row in rows))
    return f"{commands}; {results['machine']}; {versions}."


PARTS: dict[str, Callable[[Results], str]] = {
    "table": lambda results: markdown_table(results["rows"]),
    "absolute": lambda results: markdown_absolute(results["rows"]),
    "run": _run,
}


if __name__ == "__main__":
    try:
        write_page(PAGE)
    except UserError as error:
        sys.exit(f"error: {error}")

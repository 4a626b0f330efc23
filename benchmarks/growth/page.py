"""The generated parts of docs/scaling.md: measured ones from docs/growth.json, computed ones from profiles.

    python -m benchmarks.growth.page   # write the page again

``python -m benchmarks.growth --write docs/scaling.md`` measures first.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.growth import extrapolate, table
from benchmarks.growth.assumptions import Assumptions
from benchmarks.growth.results import Results, read_results
from benchmarks.parts import NOTHING, rewrite, with_parts
from wsdkd.ground.errors import UserError

PAGE = Path("docs/scaling.md")
RESULTS = "growth.json"
FIGURE = Path("pictures/growth.png")
"""Both beside the page."""
SUITE = "growth"


def with_results(text: str, results: Results) -> str:
    """The page with its generated parts made anew.

    Raises:
        UserError: a part is of no known kind.
    """
    return with_parts(text, SUITE, _parts(results))


def write_page(page: Path) -> None:
    """Make the generated parts of a page anew, from the results beside it."""
    rewrite(page, SUITE, _parts(read_results(page.with_name(RESULTS))))


def _parts(results: Results) -> dict[str, Callable[[], str]]:
    measured: dict[str, Callable[[Results], str]] = {
        "times": partial(table.times, against="images"),
        "memory": partial(table.memory, against="images"),
        "times_of_proposals": partial(table.times, against="proposals"),
        "memory_of_proposals": partial(table.memory, against="proposals"),
        "figure": _figure,
        "run": _run,
    }
    parts: dict[str, Callable[[], str]] = {name: partial(make, results) for name, make in measured.items()}
    if not results["runs"]:
        parts = dict.fromkeys(measured, lambda: NOTHING)
    assumed = Assumptions()
    computed = {name: partial(make, assumed) for name, make in extrapolate.PARTS.items()}
    return {**parts, **computed}


def _figure(results: Results) -> str:  # noqa: ARG001, the picture is drawn from them
    return f"![Seconds and memory of each stage against size]({FIGURE.as_posix()})"


def _run(results: Results) -> str:
    packages = ", ".join(f"{package} {number}" for package, number in results["versions"].items())
    return f"`{results['command']}` on {results['date']}; {results['machine']}, no GPU used; {packages}."


if __name__ == "__main__":
    try:
        write_page(PAGE)
    except UserError as error:
        sys.exit(f"error: {error}")

"""The generated parts of docs/performance.md, from docs/bench.json.

    python -m benchmarks.bench.page   # write the page again

``python -m benchmarks.bench --write docs/performance.md`` measures first. A generated part stands between
``<!-- WHAT of bench -->`` and ``<!-- end -->``; all else is written by hand.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.bench.results import Results, read_results
from benchmarks.bench.table import markdown_absolute, markdown_table
from wsdkd.errors import UserError
from wsdkd.files import publish_file

PAGE = Path("docs/performance.md")
RESULTS = "bench.json"
"""Beside the page."""
PART = re.compile(r"(<!-- (\w+) of bench -->\n).*?(<!-- end -->)", re.DOTALL)


def with_results(text: str, results: Results) -> str:
    """A page with its generated parts made anew.

    Raises:
        UserError: a part is of no known kind.
    """

    def generated(found: re.Match[str]) -> str:
        if found[2] not in PARTS:
            raise UserError(f"<!-- {found[2]} of bench -->: unknown; allowed: {', '.join(PARTS)}")
        part = PARTS[found[2]](results) if results["rows"] else "Not measured yet."
        return f"{found[1]}{part}\n{found[3]}"

    return PART.sub(generated, text)


def write_page(page: Path) -> None:
    """Make the generated parts of a page anew, from the results beside it."""
    text = with_results(page.read_text(encoding="utf-8"), read_results(page.with_name(RESULTS)))
    with publish_file(page) as aside:
        aside.write_text(text, encoding="utf-8")


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

"""Pages with generated parts, each between ``<!-- WHAT of SUITE -->`` and ``<!-- end -->``."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file

NOTHING = "Not measured yet."

Results = TypeVar("Results", bound=Mapping[str, Any])


def with_parts(text: str, suite: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """A page with the generated parts of a suite made anew.

    Args:
        text: the page.
        suite: named in the marks.
        parts: what makes each part, by its name.

    Raises:
        UserError: a part is of no known kind.
    """

    def generated(found: re.Match[str]) -> str:
        if found[2] not in parts:
            raise UserError(f"<!-- {found[2]} of {suite} -->: unknown; allowed: {', '.join(parts)}")
        return f"{found[1]}{parts[found[2]]()}\n{found[3]}"

    return part_pattern(suite).sub(generated, text)


def of_rows(
    results: Results, made: Mapping[str, Callable[[Results], str]], without: str = NOTHING
) -> dict[str, Callable[[], str]]:
    """Parts that are made of measured rows.

    Args:
        results: with what was measured under ``rows``.
        made: what makes each part of them, by its name.
        without: stands in each part where there is no row.
    """
    return {
        name: partial(make, results) if results["rows"] else lambda: without for name, make in made.items()
    }


def part_pattern(suite: str) -> re.Pattern[str]:
    """Finds the generated parts of a suite: the mark, the part's name, the closing mark."""
    return re.compile(rf"(<!-- (\w+) of {suite} -->\n).*?(<!-- end -->)", re.DOTALL)


def rewrite(page: Path, suite: str, parts: Mapping[str, Callable[[], str]]) -> None:
    """Make the generated parts of a page anew in its file."""
    text = with_parts(page.read_text(encoding="utf-8"), suite, parts)
    with publish_file(page) as aside:
        aside.write_text(text, encoding="utf-8")

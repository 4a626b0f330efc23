"""The generated parts of docs/reliability.md, from the raw results below docs/reliability.

    python -m benchmarks.faults.page   # write the page again

``python -m benchmarks.faults --write`` runs the campaigns first.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.faults.campaigns import CAMPAIGNS
from benchmarks.faults.case import Campaign, Case
from benchmarks.faults.results import Results, read_results
from benchmarks.parts import rewrite, with_parts
from wsdkd.ground.errors import UserError

PAGE, RESULTS = Path("docs/reliability.md"), Path("docs/reliability")
SUITE = "faults"
SHOWN = 12
"""Cases that went wrong, in the document; the raw results have all."""
NOT_RUN = "Not run yet."


def with_results(text: str, folder: Path = RESULTS) -> str:
    """The page with its generated parts made anew.

    Raises:
        UserError: a part is of no known campaign, or results are damaged.
    """
    return with_parts(text, SUITE, _parts(folder))


def write_page(page: Path, folder: Path = RESULTS) -> None:
    """Make the generated parts of the page anew."""
    rewrite(page, SUITE, _parts(folder))


def _parts(folder: Path) -> dict[str, Callable[[], str]]:
    parts = {each.name: partial(_section, each, folder) for each in CAMPAIGNS}
    return {"summary": partial(_summary, folder), **parts}


def _summary(folder: Path) -> str:
    lines = [
        "| Campaign | Cases run | of a whole campaign | Not right | Seconds |",
        "|---|---:|---:|---:|---:|",
    ]
    for campaign in CAMPAIGNS:
        found = read_results(folder, campaign.name)
        cells = ["0", f"{campaign.whole:,}", "-", "-"]
        if found is not None:
            wrong = sum(not case.good for case in found.cases)
            seconds = found.run.get("seconds", 0)
            cells = [f"{len(found.cases):,}", f"{campaign.whole:,}", f"{wrong}", f"{seconds:,}"]
        lines.append(f"| {campaign.title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _section(campaign: Campaign, folder: Path) -> str:
    found = read_results(folder, campaign.name)
    if found is None:
        return f"{campaign.told}\n\n{NOT_RUN}"
    return "\n\n".join([campaign.told, _run(found), _table(found.cases), _wrong(found.cases)])


def _run(found: Results) -> str:
    run = found.run
    again = "".join(
        f" Later, by `{_shortened(command)}`, cases that had not been run, or had gone wrong before a mend."
        for command in run.get("again", [])
    )
    packages = ", ".join(f"{package} {number}" for package, number in run["versions"].items())
    return (
        f"{len(found.cases):,} of {run['whole']:,} cases, in {run.get('seconds', 0):,} s, by "
        f"`{run['command']}` on {run['date']}; {run['machine']}; {packages}; seed {run['seed']}.{again}"
    )


def _shortened(command: str) -> str:
    """A command with a long list of cases cut off, which the raw results have in full."""
    return re.sub(r"(--cases [\d,-]{24})[\d,-]+", r"\1...", command)


def _table(cases: tuple[Case, ...]) -> str:
    kinds = sorted({case.found for case in cases}, key=lambda kind: (not _is_good(cases, kind), kind))
    lines = [
        f"| | cases | {' | '.join(kinds)} | longest | most memory |",
        f"|---|---:|{'---:|' * len(kinds)}---:|---:|",
    ]
    for what in dict.fromkeys(case.what for case in cases):
        some = [case for case in cases if case.what == what]
        lines.append(_row(what, some, kinds))
    return "\n".join([*lines, _row("**all**", list(cases), kinds)])


def _row(what: str, cases: list[Case], kinds: list[str]) -> str:
    count = Counter(case.found for case in cases)
    longest, most = max(case.seconds for case in cases), max(case.megabytes for case in cases)
    memory = f"{most:,} MB" if most else "-"
    counts = " | ".join(str(count[kind] or "") for kind in kinds)
    return f"| {what} | {len(cases)} | {counts} | {longest:.1f} s | {memory} |"


def _is_good(cases: tuple[Case, ...], kind: str) -> bool:
    return all(case.good for case in cases if case.found == kind)


def _wrong(cases: tuple[Case, ...]) -> str:
    wrong = [case for case in cases if not case.good]
    if not wrong:
        return "None of them ended otherwise than it should."
    lines = [
        f"- case {case.number}, {case.what}, {case.how}: {case.found}. {_quoted(case.said)}"
        for case in wrong[:SHOWN]
    ]
    more = [f"- and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
    return "\n".join([f"{len(wrong)} of them did not end as they should:", "", *lines, *more])


def _quoted(text: str) -> str:
    return f"`{text[:200].replace('`', '')}`" if text else ""


if __name__ == "__main__":
    try:
        write_page(PAGE)
    except UserError as error:
        sys.exit(f"error: {error}")

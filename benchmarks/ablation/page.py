"""The generated parts of docs/results.md and README.md, from the raw results below docs/results.

    python -m benchmarks.ablation.page scenes   # take over reports/ablation/scenes, then write the pages
    python -m benchmarks.ablation.page          # write the pages again

A generated part stands between ``<!-- WHAT of NAME ... -->`` and ``<!-- end -->``; the rest is handwritten.
"""

import json
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ablation import tables
from benchmarks.ablation.results import Row, from_csv
from benchmarks.ablation.statistics import summarise
from benchmarks.ablation.variants import ALL, BASELINE, OURS, PLAIN_TEACHER, TEACHER
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file

REPORTS, RESULTS, PICTURES = Path("reports/ablation"), Path("docs/results"), Path("docs/pictures")
PAGES = (Path("README.md"), Path("docs/results.md"))
PART = re.compile(r"(<!-- (\w+) of ([\w -]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Suite:
    """What docs/results holds of one suite."""

    rows: Sequence[Row]
    run: dict[str, Any]


def take_over(name: str) -> None:
    """Copy raw results of a suite from reports/ into docs/, and the charts that a page shows."""
    source = REPORTS / name
    if not (source / "results.csv").is_file():
        raise UserError(f"{source}: no results there; run: python -m benchmarks.ablation --profile {name}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "results.csv", RESULTS / f"{name}.csv")
    shutil.copyfile(source / "run.json", RESULTS / f"{name}.json")
    shown = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for chart in ("gains", "classes"):
        if (source / f"{chart}.png").is_file() and f"{PICTURES.name}/{name}-{chart}.png" in shown:
            shutil.copyfile(source / f"{chart}.png", PICTURES / f"{name}-{chart}.png")


def with_results(text: str, folder: Path = RESULTS) -> str:
    """A page with its generated parts made anew.

    Raises:
        UserError: a part is of no known kind, or its raw results are missing.
    """

    def generated(found: re.Match[str]) -> str:
        what, names = found[2], found[3].split()
        if what not in PARTS:
            raise UserError(f"<!-- {what} of {found[3]} -->: unknown; allowed: {', '.join(PARTS)}")
        return f"{found[1]}{PARTS[what]([_suite(folder, name) for name in names])}\n{found[4]}"

    return PART.sub(generated, text)


def _suite(folder: Path, name: str) -> Suite:
    path = folder / f"{name}.csv"
    if not path.is_file():
        raise UserError(f"{path}: no such file, and a page has a part of it")
    run = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return Suite(from_csv(path.read_text(encoding="utf-8")), run)


def _provenance(suites: Sequence[Suite]) -> str:
    """How the results came about, a paragraph a suite."""
    paragraphs = []
    for run in (suite.run for suite in suites):
        versions = ", ".join(f"{package} {number}" for package, number in run["versions"].items())
        anew = f", set aside anew for each of {run['splits']} seeds" if "splits" in run else ""
        scored = f"{run['images']} images of the split {run['split']}{anew}, {run['classes']} classes"
        paragraphs.append(f"`{run['command']}`, {scored}; {run['machine']}, {run['date']}; {versions}.")
    return "\n\n".join(paragraphs)


def _brief(suites: Sequence[Suite]) -> str:
    """The networks in use, the strongest student without a teacher, and what distillation gave."""
    (suite,) = suites
    rows, run = suite.rows, suite.run
    lines = ["| percent, mean of seeds | mAP | CF1 | OF1 |", "|---|---:|---:|---:|"]
    titles = {BASELINE: "the student's network, trained on labels alone", TEACHER: "teacher"}
    strongest = tables.strongest_without_teacher(rows) or BASELINE
    titles.setdefault(strongest, "the same, with random regions as well and no teacher")
    for name in dict.fromkeys((BASELINE, strongest, TEACHER, OURS)):
        figures = " | ".join(tables.spread(rows, name, figure) for figure in ("mAP", "CF1", "OF1"))
        lines.append(f"| {titles.get(name, '**distilled student**')} | {figures} |")
    gain = summarise(tables.gains(rows, OURS))
    low, high = gain.interval
    count, share = len(tables.by_variant(rows)[OURS]), _recovered(rows)
    interval = "" if np.isnan(low) else f" (95 % interval over {count} seeds {low:+.1f} to {high:+.1f})"
    recovered = (
        "no lead of the teacher to recover"
        if share is None
        else (f"{share:.2f} of the teacher's lead recovered")
    )
    lines += [
        "",
        f"Gain {gain.mean:+.1f} mAP{interval}, {recovered}; {_over(rows)}± is the deviation over seeds.",
        f"`{run['command']}`, {run['machine']}, {run['date']}.",
    ]
    return "\n".join(lines)


def _over(rows: Sequence[Row]) -> str:
    """What our student gains over the strongest student without a teacher, in words."""
    strongest = tables.strongest_without_teacher(rows)
    if strongest is None:
        return ""
    mean, interval, _ = tables.difference(tables.gains(rows, OURS, against=strongest))
    return (
        f"over the strongest student without a teacher ({tables.spread(rows, strongest, 'mAP')} mAP) "
        f"it is {mean}{f' ({interval})' if interval else ''}; "
    )


def _compared(suites: Sequence[Suite]) -> str:
    """A line a variant: mAP, its gain over the baseline, and over the strongest student without a teacher."""
    (suite,) = suites
    rows, run = suite.rows, suite.run
    strongest = tables.strongest_without_teacher(rows)
    columns = ["percent, mean of seeds", "mAP", "gain", "95 % interval"]
    columns += ([] if strongest is None else ["over no teacher", "95 % interval"]) + ["seeds"]
    lines = [f"| {' | '.join(columns)} |", f"|---|{'---:|' * (len(columns) - 1)}"]
    for name, seeds in tables.by_variant(rows).items():
        gain = ["", ""] if name == BASELINE else tables.difference(tables.gains(rows, name))[:2]
        over = [] if strongest is None else tables.over_no_teacher(rows, name, strongest)
        cells = [ALL[name].title, tables.spread(rows, name, "mAP"), *gain, *over, str(len(seeds))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"`{run['command']}`, {run['machine']}, {run['date']}."])


def _teacher(suites: Sequence[Suite]) -> str:
    """How teachers stand against the plain classifier of their backbone and resolution; what they find."""
    lines = ["| | mAP | AP50 | CorLoc |", "|---|---:|---:|---:|"]
    leads = []
    for rows, title in ((suite.rows, suite.run["title"]) for suite in suites):
        seeds = tables.by_variant(rows)[TEACHER].values()
        located = " | ".join(f"{np.mean([row[key] for row in seeds]):.1f}" for key in ("AP50", "CorLoc"))
        name = TEACHER if len(suites) == 1 else f"{TEACHER}, {title}"
        lines.append(f"| {name} | {tables.spread(rows, TEACHER, 'mAP')} | {located} |")
        if PLAIN_TEACHER in tables.by_variant(rows):
            plain = ALL[PLAIN_TEACHER].title
            lines.append(f"| {plain} | {tables.spread(rows, PLAIN_TEACHER, 'mAP')} | | |")
            gain, interval, p = tables.difference(tables.gains(rows, TEACHER, against=PLAIN_TEACHER))
            leads.append(f"The {name} against that classifier: {gain} mAP, 95 % interval {interval}, p {p}.")
    return "\n".join([*lines, *([""] if leads else []), *leads])


def _pays(suites: Sequence[Suite]) -> str:
    """A line a suite: what the teacher leads by, and what of it distillation gives to the student."""
    free = [tables.strongest_without_teacher(suite.rows) for suite in suites]
    columns = ["seeds", "baseline", "teacher's lead", "gain", "95 % interval"]
    columns += ["over no teacher", "95 % interval"] if any(free) else []
    columns += ["gap recovered"]
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    for suite, strongest in zip(suites, free, strict=True):
        gain, interval, _ = tables.difference(tables.gains(suite.rows, OURS))
        share = _recovered(suite.rows)
        cells = [
            suite.run["title"],
            str(len(tables.by_variant(suite.rows)[OURS])),
            tables.spread(suite.rows, BASELINE, "mAP"),
            tables.difference(tables.gains(suite.rows, TEACHER))[0],
            gain,
            interval,
        ]
        if any(free):
            over = ["", ""] if strongest is None else tables.over_no_teacher(suite.rows, OURS, strongest)
            cells += over
        cells.append("none" if share is None else f"{share:.2f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _costs(suites: Sequence[Suite]) -> str:
    """A line a variant: mAP, what was spent on it, and what it costs in use."""
    (suite,) = suites
    lines = [
        "| | mAP | seconds of training | multiply-adds of a picture in use | seeds |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, seeds in tables.by_variant(suite.rows).items():
        spent = np.mean([row["seconds"] for row in seeds.values()])
        cost = next((row["multiply_adds"] for row in seeds.values() if "multiply_adds" in row), None)
        shown = "" if cost is None else f"{cost / 1e9:.2f} G"
        cells = [
            ALL[name].title,
            tables.spread(suite.rows, name, "mAP"),
            f"{spent:.0f}",
            shown,
            str(len(seeds)),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _recovered(rows: Sequence[Row]) -> float | None:
    # A seed whose teacher does not lead has none.
    values = [
        row["gap_recovered"] for row in tables.by_variant(rows)[OURS].values() if "gap_recovered" in row
    ]
    return float(np.mean(values)) if values else None


PARTS: dict[str, Callable[[Sequence[Suite]], str]] = {
    "table": lambda suites: "\n\n".join(tables.main_table(suite.rows) for suite in suites),
    "parts": lambda suites: "\n\n".join(tables.parts_table(suite.rows) for suite in suites),
    "fewer": lambda suites: tables.fewer_table([row for suite in suites for row in suite.rows]),
    "brief": _brief,
    "compared": _compared,
    "teacher": _teacher,
    "pays": _pays,
    "costs": _costs,
    "run": _provenance,
}


def main(names: Sequence[str]) -> None:
    """See the module."""
    for name in names:
        take_over(name)
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        with publish_file(page) as aside:
            aside.write_text(with_results(text), encoding="utf-8")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(f"error: {error}")

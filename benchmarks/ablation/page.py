"""The generated parts of docs/results.md and README.md, from the raw results below docs/results.

    python -m benchmarks.ablation.page scenes   # take over reports/ablation/scenes, then write the pages
    python -m benchmarks.ablation.page          # write the pages again

A generated part stands between ``<!-- WHAT of NAME -->`` and ``<!-- end -->``; all else is written by hand.
"""

import json
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.ablation import tables
from benchmarks.ablation.results import Row, from_csv
from benchmarks.ablation.statistics import summarise
from benchmarks.ablation.variants import BASELINE, OURS, TEACHER, VARIANTS
from wsdkd.errors import UserError
from wsdkd.files import publish_file

REPORTS, RESULTS, PICTURES = Path("reports/ablation"), Path("docs/results"), Path("docs/pictures")
PAGES = (Path("README.md"), Path("docs/results.md"))
PART = re.compile(r"(<!-- (\w+) of ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def take_over(name: str) -> None:
    """Copy raw results and charts of a suite from reports/ into docs/."""
    source = REPORTS / name
    if not (source / "results.csv").is_file():
        raise UserError(f"{source}: no results there; run: python -m benchmarks.ablation --profile {name}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "results.csv", RESULTS / f"{name}.csv")
    shutil.copyfile(source / "run.json", RESULTS / f"{name}.json")
    for chart in ("gains", "classes"):
        if (source / f"{chart}.png").is_file():
            shutil.copyfile(source / f"{chart}.png", PICTURES / f"{name}-{chart}.png")


def with_results(text: str, folder: Path = RESULTS) -> str:
    """A page with its generated parts made anew.

    Raises:
        UserError: a part is of no known kind, or its raw results are missing.
    """

    def generated(found: re.Match[str]) -> str:
        what, name = found[2], found[3]
        if what not in PARTS:
            raise UserError(f"<!-- {what} of {name} -->: unknown; allowed: {', '.join(PARTS)}")
        path = folder / f"{name}.csv"
        if not path.is_file():
            raise UserError(f"{path}: no such file, and a page has a part of it")
        rows = from_csv(path.read_text(encoding="utf-8"))
        return f"{found[1]}{PARTS[what](rows, folder / f'{name}.json')}\n{found[4]}"

    return PART.sub(generated, text)


def _provenance(_: Sequence[Row], path: Path) -> str:
    run = json.loads(path.read_text(encoding="utf-8"))
    versions = ", ".join(f"{package} {number}" for package, number in run["versions"].items())
    scored = f"{run['images']} images of the split {run['split']}, {run['classes']} classes"
    return f"`{run['command']}`, {scored}; {run['machine']}, no GPU, {run['date']}; {versions}."


def _brief(rows: Sequence[Row], path: Path) -> str:
    """The three networks in use, and what distillation gave."""
    run = json.loads(path.read_text(encoding="utf-8"))
    by_variant = tables.by_variant(rows)
    lines = ["| percent, mean of seeds | mAP | CF1 | OF1 |", "|---|---:|---:|---:|"]
    titles = {BASELINE: "baseline: the student without a teacher", TEACHER: "teacher"}
    for name in (BASELINE, TEACHER, OURS):
        figures = " | ".join(tables.spread(rows, name, figure) for figure in ("mAP", "CF1", "OF1"))
        lines.append(f"| {titles.get(name, '**distilled student**')} | {figures} |")
    gain = summarise(tables.gains(rows, OURS))
    low, high = gain.interval
    recovered = np.mean([row["gap_recovered"] for row in by_variant[OURS].values()])
    return "\n".join(
        [
            *lines,
            "",
            f"Gain {gain.mean:+.1f} mAP (95 % interval over {len(by_variant[OURS])} seeds {low:+.1f} to "
            f"{high:+.1f}), {recovered:.2f} of the teacher's lead recovered; ± is the deviation over seeds.",
            f"`{run['command']}`, {run['machine']}, no GPU, {run['date']}.",
        ]
    )


def _teacher(rows: Sequence[Row], _: Path) -> str:
    """How the teacher stands against the plain classifier of its own backbone and resolution."""
    seeds = tables.by_variant(rows)[TEACHER].values()
    lines = ["| | mAP | AP50 | CorLoc |", "|---|---:|---:|---:|"]
    located = " | ".join(f"{np.mean([row[key] for row in seeds]):.1f}" for key in ("AP50", "CorLoc"))
    lines.append(f"| teacher | {tables.spread(rows, TEACHER, 'mAP')} | {located} |")
    if "plain_teacher" in tables.by_variant(rows):
        title = VARIANTS["plain_teacher"].title
        lines.append(f"| {title} | {tables.spread(rows, 'plain_teacher', 'mAP')} | | |")
    return "\n".join(lines)


PARTS: dict[str, Callable[[Sequence[Row], Path], str]] = {
    "table": lambda rows, _: tables.main_table(rows),
    "parts": lambda rows, _: tables.parts_table(rows),
    "brief": _brief,
    "teacher": _teacher,
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

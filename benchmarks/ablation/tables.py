"""Tables in Markdown, from raw results."""

from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.ablation.results import Row
from benchmarks.ablation.statistics import paired_p, summarise
from benchmarks.ablation.variants import (
    ALL,
    BASELINE,
    FEW_UNLABELLED,
    FEWER_LABELS,
    OURS,
    TEACHER_FREE,
)


def by_variant(rows: Sequence[Row]) -> dict[str, dict[int, Row]]:
    """Rows by variant and seed, in the order of ALL."""
    found = {row["variant"] for row in rows}
    return {
        name: {row["seed"]: row for row in rows if row["variant"] == name} for name in ALL if name in found
    }


def gains(rows: Sequence[Row], name: str, figure: str = "mAP", against: str = BASELINE) -> list[float]:
    """Variant less another, a value a seed that both have."""
    table = by_variant(rows)
    mine, other = table[name], table.get(against, {})
    return [mine[seed][figure] - other[seed][figure] for seed in sorted(mine) if seed in other]


def strongest_without_teacher(rows: Sequence[Row]) -> str | None:
    """The teacher-free variant of the highest mean mAP; None where labels alone are all there is of them."""
    table = by_variant(rows)
    free = [name for name in TEACHER_FREE if name in table]
    if free in ([], [BASELINE]):
        return None
    return max(free, key=lambda name: summarise([row["mAP"] for row in table[name].values()]).mean)


def main_table(rows: Sequence[Row]) -> str:
    """A line a variant: mAP, gain with its interval and test, gap recovered, F1, seconds, number of seeds.

    Where there are students that know no teacher, the gain over the strongest of these stands beside it.
    """
    strongest = strongest_without_teacher(rows)
    over = [] if strongest is None else ["over no teacher", "95 % interval"]
    columns = ["mAP", "gain", "95 % interval", "p", *over]
    columns += ["gap recovered", "CF1", "OF1", "top-3 OF1", "seconds", "seeds"]
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    for name, seeds in by_variant(rows).items():
        cells = [ALL[name].title, spread(rows, name, "mAP")]
        cells += ["", "", ""] if name == BASELINE else difference(gains(rows, name))
        if strongest is not None:
            cells += over_no_teacher(rows, name, strongest)
        cells.append(_mean(seeds.values(), "gap_recovered", 2))
        cells += [_mean(seeds.values(), figure, 1) for figure in ("CF1", "OF1", "top_OF1")]
        cells.append(_mean(seeds.values(), "seconds", 0))
        cells.append(str(len(seeds)))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def over_no_teacher(rows: Sequence[Row], name: str, strongest: str) -> list[str]:
    """Gain of a variant over the strongest teacher-free one, with its interval; empty for all of those."""
    if name in TEACHER_FREE:
        return ["", ""]
    return difference(gains(rows, name, against=strongest))[:2]


def parts_table(rows: Sequence[Row]) -> str:
    """A line a variant: mAP and gain of small and large objects, rare and frequent classes."""
    parts = [part for part in ("small", "large", "rare", "frequent") if any(part in row for row in rows)]
    head = [column for part in parts for column in (part, "gain")]
    lines = [f"| | {' | '.join(head)} |", f"|---|{'---:|' * len(head)}"]
    for name, seeds in by_variant(rows).items():
        cells = []
        for part in parts:
            found = [gain for gain in gains(rows, name, part) if not np.isnan(gain)]
            shown = f"{np.mean(found):+.1f}" if found and name != BASELINE else ""
            cells += [_mean(seeds.values(), part, 1), shown]
        lines.append(f"| {ALL[name].title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def fewer_table(rows: Sequence[Row]) -> str:
    """What images without labels give: a line a variant, and the lead of the student that has them."""
    lines = ["| | mAP | its lead | 95 % interval | p | seeds |", "|---|---:|---:|---:|---:|---:|"]
    for name, seeds in by_variant(rows).items():
        if name not in FEWER_LABELS and name not in (BASELINE, OURS):
            continue
        leads = gains(rows, FEW_UNLABELLED, against=name) if name != FEW_UNLABELLED else []
        cells = [ALL[name].title, spread(rows, name, "mAP"), *difference(leads), str(len(seeds))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def spread(rows: Sequence[Row], name: str, figure: str) -> str:
    """Mean with the standard deviation over seeds."""
    summary = summarise([row[figure] for row in by_variant(rows)[name].values()])
    return f"{summary.mean:.1f}" + ("" if np.isnan(summary.deviation) else f" ± {summary.deviation:.1f}")


def difference(values: Sequence[float]) -> list[str]:
    """Mean, 95 % interval and p of differences, a value a seed; what there are too few for is empty."""
    if not values:
        return ["", "", ""]
    summary, p = summarise(values), paired_p(values, [0.0] * len(values))
    low, high = summary.interval
    interval = "" if np.isnan(low) else f"{low:+.1f} to {high:+.1f}"
    return [f"{summary.mean:+.1f}", interval, "" if np.isnan(p) else _p(p)]


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def _mean(rows: Iterable[Row], figure: str, decimals: int) -> str:
    values = [row[figure] for row in rows if figure in row and not np.isnan(row[figure])]
    return f"{np.mean(values):.{decimals}f}" if values else ""

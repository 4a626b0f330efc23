"""Results as Markdown."""

from collections.abc import Iterable, Sequence

from benchmarks.growth.fit import fit, slope
from benchmarks.growth.results import Results, series
from benchmarks.growth.run import Run

MEGABYTE = 1e6


def times(results: Results, against: str) -> str:
    """Seconds of each stage at each size, and the line through them."""
    found = series(results, against)
    counts = _counts(found.values())
    one = against.removesuffix("s")
    lines = [
        _line(
            [
                "stage",
                *(f"{count:,} {against}" for count in counts),
                "a",
                f"b, per {one}",
                "largest residual",
                "of CPU time",
                "marginal cost, over the last",
            ]
        ),
        f"|---|{'---:|' * (len(counts) + 4)}---|",
    ]
    for stage, runs in found.items():
        sizes = [run["count"] for run in runs]
        line, cpu = (fit(sizes, [run[name] for run in runs]) for name in ("seconds", "cpu_seconds"))
        lines.append(
            _line(
                [
                    f"`{stage}`",
                    *(f"{run['seconds']:.1f} s" for run in runs),
                    f"{line.start:.1f} s",
                    f"{1e3 * line.each:.2f} ms",
                    f"{100 * line.residual:.0f} %",
                    f"{100 * cpu.residual:.0f} %",
                    ", ".join(f"{step:.2f}" for step in line.steps),
                ]
            )
        )
    return "\n".join(lines)


def memory(results: Results, against: str) -> str:
    """Memory of each stage at each size, in MB, and what an item adds."""
    found = series(results, against)
    counts, one = _counts(found.values()), against.removesuffix("s")
    head = [
        "stage",
        *(f"{count:,} {against}" for count in counts),
        f"the largest process, bytes per {one}",
        f"all together, bytes per {one}",
    ]
    lines = [_line(head), f"|---|{'---:|' * (len(counts) + 2)}"]
    for stage, runs in found.items():
        lines.append(_line([f"`{stage}`", *map(_sizes, runs), *_growth(runs)]))
    return "\n".join(lines)


def _growth(runs: Sequence[Run]) -> list[str]:
    cells = []
    for name in ("peak_bytes", "together_bytes"):
        values = [run[name] for run in runs]
        known = all(value is not None for value in values)
        cells.append(f"{round(slope([run['count'] for run in runs], values)):,}" if known else "-")
    return cells


def _sizes(run: Run) -> str:
    together = run["together_bytes"]
    return (
        f"{run['peak_bytes'] / MEGABYTE:,.0f} / {'-' if together is None else f'{together / MEGABYTE:,.0f}'}"
    )


def _counts(found: Iterable[Sequence[Run]]) -> list[int]:
    return sorted({run["count"] for runs in found for run in runs})


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

"""Results as a table, on a terminal and in Markdown."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

HEAD = ("row", "what", "against", "target", "median", "spread", "met")
SIGNS = {"speed": "at least", "size": "at least", "time": "at most"}


def cells(name: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    """One line, as :data:`HEAD` says."""
    target = "-" if row["target"] is None else f"{SIGNS[row['ratio_of']]} {row['target']:g}"
    spread = "-" if row["pairs"] == 1 else f"{_figure(row['lowest'])} to {_figure(row['highest'])}"
    met = {True: "yes", False: "no", None: "-"}[row["met"]]
    return (name, row["ours"], row["other"], target, _figure(row["ratio"]), spread, met)


def terminal_table(rows: Mapping[str, Mapping[str, Any]]) -> Table:
    """For people at a terminal."""
    table = Table(header_style="bold", show_lines=True)
    for head in HEAD:
        table.add_column(head, no_wrap=head in ("row", "target", "median", "spread"))
    for name, row in rows.items():
        style = {True: "green", False: "red", None: ""}[row["met"]]
        table.add_row(*cells(name, row)[:-1], f"[{style}]{cells(name, row)[-1]}[/]" if style else "-")
    return table


def markdown_table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """For a page."""
    lines = [f"| {' | '.join(HEAD)} |", "|---|---|---|---|---:|---:|---|"]
    lines += [f"| {' | '.join((f'`{name}`', *cells(name, row)[1:]))} |" for name, row in rows.items()]
    return "\n".join(lines)


def markdown_absolute(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Seconds or bytes behind the ratios."""
    lines = ["| row | an item | ours | the other | sizes |", "|---|---|---:|---:|---|"]
    for name, row in rows.items():
        show = _bytes if row["ratio_of"] == "size" else _time
        parts = (f"`{name}`", row["item"], show(row["ours_each"]), show(row["other_each"]), row["note"])
        lines.append(f"| {' | '.join(parts)} |")
    return "\n".join(lines)


def _figure(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _bytes(value: float) -> str:
    return f"{value / 1000:,.1f} kB"


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1), ("ms", 1e3)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"

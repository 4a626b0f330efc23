"""Ratios, tables and the page of the suite of speeds; and the whole suite, tiny."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bench import results
from benchmarks.bench.alternate import alternate
from benchmarks.bench.page import PAGE, RESULTS, SUITE, with_results
from benchmarks.bench.results import entry, merged, read_results
from benchmarks.bench.row import Measured, Row
from benchmarks.bench.table import cells, markdown_table
from benchmarks.parts import part_pattern
from wsdkd.ground.errors import UserError

PROJECT = Path(__file__).parents[2]


def row(**changes: Any) -> Row:
    return Row(**{"name": "r", "ours": "ours", "other": "the other", "measure": _nothing, **changes})


def _nothing(world: object) -> Measured:
    raise NotImplementedError


def test_a_speed_is_the_others_time_over_ours_and_a_time_the_reverse() -> None:
    def ours() -> None:
        time.sleep(0.02)

    def other() -> None:
        time.sleep(0.06)

    measured = alternate(ours, other, 3, items=2, item="image")
    assert len(measured.ratios) == 3
    assert measured.ratio == pytest.approx(3, rel=0.3)
    assert measured.ours == pytest.approx(0.01, rel=0.3)
    assert alternate(ours, other, 1, items=1, item="image", ratio="time").ratio == pytest.approx(
        1 / 3, rel=0.3
    )
    # The other works on six in its time, ours on two: as fast as each other.
    assert alternate(ours, other, 1, items=2, other_items=6, item="image").ratio == pytest.approx(1, rel=0.3)


def test_they_take_turns_and_both_warm_up() -> None:
    order: list[str] = []
    alternate(lambda: order.append("o"), lambda: order.append("x"), 3, items=1, item="call")
    assert "".join(order) == "ox" + "ox" + "xo" + "ox"


@pytest.mark.parametrize(
    ("ratio", "target", "value", "met"),
    [
        ("speed", 0.9, 0.9, True),
        ("speed", 0.9, 0.89, False),
        ("time", 1.3, 1.2, True),
        ("time", 1.3, 1.4, False),
        ("size", 20.0, 7.0, False),
        ("speed", None, 7.0, None),
    ],
)
def test_a_target_is_met_from_one_side(
    ratio: Any, target: float | None, value: float, met: bool | None
) -> None:
    assert row(ratio=ratio, target=target).meets(value) is met


def test_a_ratio_is_held_against_what_arithmetic_gives() -> None:
    measured = Measured((2.0, 3.0), 0.001, 0.0025, "step").over(2.0)
    assert measured.ratios == (1.0, 1.5)
    assert (measured.ours, measured.other) == (0.001, 0.0025)


def test_a_line_of_the_table() -> None:
    kept = entry(row(target=0.9), Measured((0.8, 0.95, 0.92), 0.002, 0.0018, "step"), "command")
    assert cells("r", kept) == ("r", "ours", "the other", "at least 0.9", "0.92", "0.80 to 0.95", "yes")
    assert markdown_table({"r": kept}).splitlines()[2].startswith("| `r` | ours | the other | at least 0.9 |")


def test_rows_of_another_machine_are_not_mixed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_machine", lambda: "here")
    here = {**results.empty(), "rows": {"a": {"ratio": 1}, "b": {"ratio": 1}}}
    again = {**results.empty(), "rows": {"b": {"ratio": 2}}}
    assert merged(here, again)["rows"] == {"a": {"ratio": 1}, "b": {"ratio": 2}}
    assert merged({**here, "machine": "there"}, again) == again


def test_the_generated_parts_are_what_the_raw_results_give() -> None:
    text = (PROJECT / PAGE).read_text(encoding="utf-8")
    raw = read_results((PROJECT / PAGE).with_name(RESULTS))
    assert {found[2] for found in part_pattern(SUITE).finditer(text)} == {"table", "absolute", "run"}
    assert with_results(text, raw) == text, "run: python -m benchmarks.bench.page"


def test_another_figure_is_noticed() -> None:
    kept = entry(row(), Measured((2.0,), 1.0, 2.0, "step"), "python -m benchmarks.bench")
    raw = {"machine": "m", "versions": {"python": "3"}, "rows": {"r": kept}}
    text = "<!-- table of bench -->\n<!-- end -->\n<!-- run of bench -->\n<!-- end -->"
    assert "| 2.00 |" in with_results(text, raw)
    assert "`python -m benchmarks.bench` on 20" in with_results(text, raw)
    assert "Not measured yet." in with_results(text, {**raw, "rows": {}})
    with pytest.raises(UserError, match="unknown; allowed: table, absolute, run"):
        with_results("<!-- figure of bench -->\n<!-- end -->", raw)


def _bench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.bench", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.mark.long
def test_every_row_runs(tmp_path: Path) -> None:
    from benchmarks.bench.rows import ROWS

    done = _bench(tmp_path, "--smoke")
    assert done.returncode == 0, done.stderr[-4000:]
    written = json.loads((tmp_path / "reports/bench.json").read_text(encoding="utf-8"))
    assert list(written["rows"]) == list(ROWS)
    for name, found in written["rows"].items():
        assert found["ratio"] > 0, name
        assert name in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["reports"]


def test_one_row_runs_and_strict_says_what_is_not_met(tmp_path: Path) -> None:
    done = _bench(tmp_path, "--smoke", "--rows", "cache_bytes", "--strict")
    assert done.returncode == 2, done.stderr[-4000:]
    found = json.loads((tmp_path / "reports/bench.json").read_text(encoding="utf-8"))["rows"]["cache_bytes"]
    assert found["met"] is False


def test_wrong_options_are_refused(tmp_path: Path) -> None:
    done = _bench(tmp_path, "--rows", "cache_bytes,none")
    assert done.returncode == 1
    assert "error: --rows none: unknown; allowed: student_stage_1" in done.stderr

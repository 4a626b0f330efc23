"""Bars in a log: one line that is drawn anew, and nothing else in it."""

import io
import sys

import pytest

from wsdkd.ground.progress import beside_bars, note, track


def test_in_a_log_nothing_shares_a_line_with_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    for number in track(range(1000), "numbers"):
        if number in (3, 4):
            note(f"odd: {number}")
        if number == 5:
            with beside_bars():
                log.write("beside\n")
    note("done")
    lines = [line.rpartition("\r")[2] for line in log.getvalue().removesuffix("\n").split("\n")]
    assert [line for line in lines if "numbers" not in line] == ["odd: 3", "odd: 4", "beside", "done"]
    assert lines.index("odd: 3") == 1  # the bar that stood there is ended
    assert "1000/1000" in lines[-2]
    assert len(lines) == 6  # no bar for each of a thousand updates, nor for each line beside it

"""Damaged files: how a reading apart ends, what is told of it, and a part of the campaign itself."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from benchmarks.faults.mutations import breaks, campaign
from benchmarks.faults.mutations.apart import run_apart
from benchmarks.faults.mutations.subject import Outcome, Subject, outcome
from wsdkd.ground.errors import UserError


def _refuse() -> None:
    raise UserError("f.json: not JSON")


def _fail() -> None:
    raise KeyError("f")


def _work() -> None:
    while True:
        pass


def _fill() -> None:
    bytearray(1 << 30)


@pytest.mark.parametrize(
    ("function", "end", "said"),
    [
        (lambda: 7, "done", ""),
        (_refuse, "refused", "f.json: not JSON"),
        (_fail, "defect", "KeyError: 'f'"),
        (_fill, "memory", "memory"),
        (lambda: time.sleep(9), "hang", "killed after"),
        (_work, "hang", "killed after"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "died", "ended with status -9"),
    ],
)
def test_a_process_of_its_own_tells_how_it_ended(function: Callable[[], Any], end: str, said: str) -> None:
    ending = run_apart(function, seconds=1.5, most_bytes=1 << 28)
    assert (ending.end, said in ending.said) == (end, True), ending
    assert ending.value == (7 if end == "done" else None)


def test_memory_is_what_it_took_beyond_this_process() -> None:
    held = bytearray(64 << 20)
    freed = bytearray(b"x") * (300 << 20)  # which glibc keeps, and the child could have
    above = bytearray(1 << 20)
    del freed
    ending = run_apart(lambda: len(bytearray(200 << 20)), most_bytes=1 << 30)
    assert 190e6 < ending.peak_bytes < 260e6
    del held, above


@pytest.mark.parametrize("how", sorted({*breaks.OFTEN, *breaks.RARE}, key=lambda each: each.__name__))
def test_each_way_breaks_a_file_the_same_for_the_same_seed(how: breaks.Break, tmp_path: Path) -> None:
    found = []
    for place in range(2):
        path = tmp_path / f"{place}/a.json"
        path.parent.mkdir()
        path.write_text('{"names": ["cat", "dog"], "sizes": [1, 2, 3]}')
        (path.parent / "b.json").write_text('["another"]')
        before = path.read_bytes()
        for number in range(4):  # a value may be put in the place of itself
            if path.is_file() and path.read_bytes() == before:
                how(path, Random(number))
        changed = not path.is_file() or path.read_bytes() != before
        found.append((changed, path.is_dir(), path.is_fifo(), path.read_bytes() if path.is_file() else b""))
    assert found[0][0]
    assert found[0] == found[1]


def _write(folder: Path) -> None:
    (folder / "f.txt").write_text("one two three " * 20)


def _reader(read: Callable[[str], Outcome]) -> Callable[[Path, Path], Outcome]:
    return lambda folder, _: read((folder / "f.txt").read_text(encoding="utf-8", errors="replace"))


def _long(text: str) -> Outcome:
    if text != "one two three " * 20:
        raise UserError("one\ntwo\nthree")
    return outcome(text)


def _assert(text: str) -> Outcome:
    assert text == "one two three " * 20
    return outcome(text)


@pytest.mark.parametrize(
    ("read", "as_written", "found"),
    [
        (outcome, None, "silent"),
        (lambda text: outcome(text, told=text), lambda folder: (folder / "f.txt").read_text(), "as written"),
        (lambda text: outcome(text, told=1), lambda _: 2, "silent"),
        (lambda text: outcome(text, (text,)), None, "listed"),
        (lambda _: outcome(1), None, "equal"),
        (_assert, None, "traceback"),
        (_long, None, "long message"),
    ],
)
def test_what_a_reader_makes_of_a_broken_file_has_a_name(
    read: Callable[[str], Outcome],
    as_written: Callable[[Path], Any] | None,
    found: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subject = Subject("texts", _write, _reader(read), as_written)
    monkeypatch.setattr(campaign, "drawn", lambda _: breaks.word)
    _write(tmp_path)
    before = Outcome(_reader(read)(tmp_path, tmp_path).digest)
    cases = [
        campaign._case(number, 0, subject, tmp_path, before, tmp_path.parent / "case") for number in range(9)
    ]
    assert found in {case.found for case in cases}
    assert {case.found for case in cases} <= {found, "equal"}  # a word may become itself
    assert {case.good for case in cases if case.found == found} == {found in campaign.GOOD}


def test_of_every_kind_of_file_a_broken_one_is_noticed(tmp_path: Path) -> None:
    kinds = len(campaign.subjects(tmp_path / "counted"))
    cases = list(campaign.run(1, range(kinds), tmp_path))
    assert len({case.what for case in cases}) == kinds
    assert [case for case in cases if not case.good] == []

"""Kills, shortages and pairs of commands: one of each in a copy of a pipeline that has run; and the page."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.faults import kills, page, pipeline, resources, two
from benchmarks.faults.campaigns import CAMPAIGNS
from benchmarks.faults.case import Case, one_line
from benchmarks.faults.pipeline import STAGES, Ended, Reference, is_told
from benchmarks.faults.results import read_results, write_results
from benchmarks.parts import part_pattern
from tests.pipeline.clone import Clone, make_clone
from wsdkd.ground.errors import UserError

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def whole(smoke: Clone) -> Reference:
    return Reference(smoke, dict.fromkeys(STAGES, 2.0))


def test_a_stage_that_is_killed_ends_as_if_it_had_not_been(whole: Reference, tmp_path: Path) -> None:
    (case,) = kills.killed(0, [0], tmp_path, whole)
    assert case.what == STAGES[0]
    assert case.good, (case.found, case.said)
    assert "SIG" in case.how
    assert list(tmp_path.iterdir()) == []  # nor does anything of the case itself stay


def test_a_stage_without_open_files_says_so(whole: Reference, tmp_path: Path) -> None:
    attempt = resources._Try("prepare", None, tmp_path, whole)  # type: ignore[arg-type]
    found, said = attempt.judged(resources.SHORTAGES["files of 8 KiB at most"](attempt))
    assert found == "refused, then the same result", said
    assert "error: data/prepared" in said


def test_two_predictions_into_one_file(whole: Reference, tmp_path: Path) -> None:
    clone = whole.copy(tmp_path)
    good, said = two.PAIRS["predictions into one file"](clone, whole)
    assert good, said


def test_a_kept_pipeline_is_taken_as_long_as_the_code_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(pipeline.KEPT, str(tmp_path))
    clone = make_clone(tmp_path / "project", workers=1)
    (tmp_path / pipeline.SECONDS).write_text('{"prepare": 2.5}')
    assert pipeline.reference.__wrapped__() == Reference(clone, {"prepare": 2.5})
    with (clone.root / "stages/prepare.py").open("a") as file:
        file.write("# more\n")
    with pytest.raises(UserError, match="a pipeline of other code than this; remove it, or name another"):
        pipeline.reference.__wrapped__()


@pytest.mark.parametrize(
    ("status", "errors", "told"),
    [
        (1, "some progress\nerror: a.json: not JSON\n", True),
        (0, "error: a.json: not JSON\n", False),
        (1, "Traceback (most recent call last):\nerror: a defect\n", False),
        (1, "", False),
        (1, "error: 1\nerror: 2\nerror: 3\n", False),
        (-11, "error: 1\n", False),
    ],
)
def test_what_counts_as_told(status: int, errors: str, told: bool) -> None:
    assert is_told(Ended(status, "", errors, 0)) == told


def test_of_what_was_printed_the_lines_that_tell_are_kept() -> None:
    assert one_line("10 %\r20 %\rerror: full\nmore\n") == "error: full"
    assert one_line("a\nb\nc\n") == "b / c"


CASES = [
    Case(0, "student", "flip: model.json", "refused", True, 0.25, 12, "damaged"),
    Case(1, "student", "cut: model.json", "silent", False, 0.5, 20, "a `quoted` word"),
    Case(2, "teacher", "flip: model.json", "equal", True, 1.5, 0, ""),
]
RUN = {
    "command": "python -m benchmarks.faults",
    "date": "2026-11-28",
    "machine": "m",
    "versions": {"python": "3"},
    "seed": 0,
    "whole": 2000,
    "seconds": 7,
}


def test_the_page_tells_what_was_run_and_what_was_not(tmp_path: Path) -> None:
    write_results(tmp_path, "mutations", RUN, CASES)
    read = read_results(tmp_path, "mutations")
    assert read is not None
    assert (read.run, list(read.cases)) == (RUN, CASES)
    text = page.with_results(
        "<!-- summary of faults -->\n<!-- end -->\n<!-- mutations of faults -->\n<!-- end -->\n"
        "<!-- kills of faults -->\n<!-- end -->\n",
        tmp_path,
    )
    assert "| Damaged files | 3 | 2,000 | 1 | 7 |" in text
    assert "| Kills | 0 | 100 | - | - |" in text
    assert (
        "3 of 2,000 cases, in 7 s, by `python -m benchmarks.faults` on 2026-11-28; m; python 3; seed 0."
        in text
    )
    assert "| | cases | equal | refused | silent | longest | most memory |" in text
    assert "| student | 2 |  | 1 | 1 | 0.5 s | 20 MB |" in text
    assert "- case 1, student, cut: model.json: silent. `a quoted word`" in text
    assert text.count(page.NOT_RUN) == 1


def test_the_committed_page_is_made_from_the_committed_results() -> None:
    text = (PROJECT / page.PAGE).read_text(encoding="utf-8")
    assert page.with_results(text, PROJECT / page.RESULTS) == text
    parts = {found[1] for found in part_pattern(page.SUITE).findall(text)}
    assert parts == {"summary", *(campaign.name for campaign in CAMPAIGNS)}


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "benchmarks.faults", *arguments]
    return subprocess.run(line, cwd=PROJECT, check=False, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "storms"], "--only storms: unknown; allowed: mutations, kills, resources, two, long_run"),
        (
            ["--only", "two", "--cases", "x"],
            "--cases x: expected numbers with commas between, such as 7,12,20-29",
        ),
        (["--cases", "1"], "--cases goes with --only and one campaign"),
    ],
)
def test_wrong_options_are_refused(arguments: list[str], message: str) -> None:
    told = command(*arguments)
    assert told.returncode == 1
    assert message in told.stderr


def test_cases_that_are_run_again_take_the_place_of_their_results(tmp_path: Path) -> None:
    wrong = [Case(number, "table", "flip: labels.csv", "silent", False, 1.0, 1, "") for number in (6, 7)]
    write_results(tmp_path, "mutations", RUN, wrong)
    arguments = ["--only", "mutations", "--cases", "6-6", "--to", str(tmp_path)]
    told = command(*arguments)
    assert "mutations: 1 of 2000, 0 not right" in told.stdout, told.stderr
    found = read_results(tmp_path, "mutations")
    assert found is not None
    assert [(case.number, case.good) for case in found.cases] == [(6, True), (7, False)]
    assert found.run.pop("seconds") >= RUN["seconds"]
    assert found.run == {
        **{name: value for name, value in RUN.items() if name != "seconds"},
        "again": [" ".join(["python -m benchmarks.faults", *arguments])],
    }

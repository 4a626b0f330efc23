"""Pages say what the raw results say."""

import json
from pathlib import Path

import pytest

from benchmarks.ablation.page import PAGES, PART, RESULTS, with_results
from benchmarks.ablation.results import Row, to_csv
from wsdkd.ground.errors import UserError

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", [page.name for page in PAGES])
def test_every_generated_part_is_what_the_raw_results_give(page: str) -> None:
    path = next(PROJECT / each for each in PAGES if each.name == page)
    text = path.read_text(encoding="utf-8")
    assert PART.search(text), "no generated part: its figures would come from nowhere"
    assert with_results(text, PROJECT / RESULTS) == text, "run: python -m benchmarks.ablation.page"


def test_another_figure_is_noticed(tmp_path: Path) -> None:
    source = PROJECT / RESULTS / "scenes.csv"
    changed = source.read_text(encoding="utf-8").replace("baseline,0,", "baseline,0,9", 1)
    (tmp_path / "scenes.csv").write_text(changed, encoding="utf-8")
    (tmp_path / "scenes.json").write_bytes(source.with_suffix(".json").read_bytes())
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    part = "<!-- table of scenes -->\n<!-- end -->"
    assert with_results(part, PROJECT / RESULTS) != with_results(part, tmp_path)
    assert "<!-- brief of scenes -->" in text


def test_raw_results_are_small_and_say_how_they_came_about() -> None:
    files = sorted((PROJECT / RESULTS).glob("*.csv"))
    assert files
    for file in files:
        assert file.stat().st_size < 20_000
        for told in ("command", "date", "machine", "versions"):
            assert told in file.with_suffix(".json").read_text(encoding="utf-8")


RUN = {
    "title": "one",
    "command": "python -m benchmarks.ablation",
    "date": "2030-01-01",
    "machine": "2 cores",
    "versions": {"torch": "9.9"},
    "split": "test",
    "images": 10,
    "classes": 2,
}
ROWS: list[Row] = [
    {"variant": name, "seed": seed, "mAP": ap, "CF1": 30.0, "OF1": 31.0, "top_OF1": 32.0, "seconds": 1.0}
    for name, values in (("baseline", (40.0, 42.0)), ("teacher", (50.0, 52.0)), ("both", (45.0, 49.0)))
    for seed, ap in enumerate(values)
]
for row in ROWS:
    if row["variant"] == "teacher":
        row |= {"AP50": 8.0, "CorLoc": 20.0}
    if row["variant"] == "both":
        row["gap_recovered"] = (0.5, 0.7)[row["seed"]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, rows, title in (
        ("one", ROWS, "one"),
        ("two", [row for row in ROWS if row["seed"] == 0], "two"),
    ):
        (tmp_path / f"{name}.csv").write_text(to_csv(rows), encoding="utf-8")
        (tmp_path / f"{name}.json").write_text(json.dumps({**RUN, "title": title}), encoding="utf-8")
    return tmp_path


def _lines(part: str, folder: Path) -> list[str]:
    return with_results(f"before\n<!-- {part} -->\nold\n<!-- end -->\nafter", folder).splitlines()


def test_the_three_networks_in_use(folder: Path) -> None:
    lines = _lines("brief of one", folder)
    assert lines[:2] == ["before", "<!-- brief of one -->"]
    assert lines[-2:] == ["<!-- end -->", "after"]
    assert "old" not in lines
    assert lines[6] == "| **distilled student** | 47.0 ± 2.8 | 30.0 ± 0.0 | 31.0 ± 0.0 |"
    assert lines[8].startswith(
        "Gain +6.0 mAP (95 % interval over 2 seeds -6.7 to +18.7), 0.60 of the teacher's"
    )


def test_what_is_not_known_is_said_in_words_and_not_as_nan(folder: Path) -> None:
    one_seed = _lines("brief of two", folder)
    assert one_seed[8].startswith("Gain +5.0 mAP, 0.50 of the teacher's lead recovered; ")
    # A teacher that leads in no seed: what `results.collect` leaves out is missing here, too.
    rows = [{key: value for key, value in row.items() if key != "gap_recovered"} for row in ROWS]
    (folder / "one.csv").write_text(to_csv(rows), encoding="utf-8")
    assert ", no lead of the teacher to recover; " in _lines("brief of one", folder)[8]
    assert _lines("pays of one", folder)[4].endswith("| none |")
    for part in ("brief", "pays", "table"):
        assert "nan" not in "\n".join(_lines(f"{part} of one", folder))


def test_the_teacher_with_what_it_finds(folder: Path) -> None:
    assert _lines("teacher of one", folder)[4] == "| teacher | 51.0 ± 1.4 | 8.0 | 20.0 |"


def test_teachers_side_by_side(folder: Path) -> None:
    lines = _lines("teacher of one two", folder)
    assert lines[4:6] == [
        "| teacher, one | 51.0 ± 1.4 | 8.0 | 20.0 |",
        "| teacher, two | 50.0 | 8.0 | 20.0 |",
    ]


def test_the_teacher_against_the_plain_classifier_of_its_backbone(folder: Path) -> None:
    plain = [{**row, "variant": "plain_teacher", "mAP": row["mAP"] + 5 + row["seed"]} for row in ROWS[:2]]
    (folder / "one.csv").write_text(to_csv(ROWS + plain), encoding="utf-8")
    lines = _lines("teacher of one", folder)
    assert lines[5] == "| teacher's backbone and resolution, labels alone | 46.5 ± 2.1 | | |"
    # Of 5 and 4: t of one degree of freedom is 12.706, the standard error 0.5; p = 2 arctan(1 / 9) / pi.
    expected = "The teacher against that classifier: +4.5 mAP, 95 % interval -1.9 to +10.9, p 0.070."
    assert lines[7] == expected


def test_suites_side_by_side(folder: Path) -> None:
    lines = _lines("pays of one two", folder)
    assert lines[4] == "| one | 2 | 41.0 ± 1.4 | +10.0 | +6.0 | -6.7 to +18.7 | 0.60 |"
    assert lines[5] == "| two | 1 | 40.0 | +10.0 | +5.0 |  | 0.50 |"


def test_suites_that_have_students_without_a_teacher_say_what_is_gained_over_them(folder: Path) -> None:
    free = [{**row, "variant": "random_regions", "mAP": row["mAP"] + 1} for row in ROWS[:2]]
    (folder / "one.csv").write_text(to_csv(ROWS + free), encoding="utf-8")
    lines = _lines("pays of one two", folder)
    assert lines[4] == "| one | 2 | 41.0 ± 1.4 | +10.0 | +6.0 | -6.7 to +18.7 | +5.0 | -7.7 to +17.7 | 0.60 |"
    assert lines[5] == "| two | 1 | 40.0 | +10.0 | +5.0 |  |  |  | 0.50 |"


def test_students_of_fewer_labels_beside_those_of_all(folder: Path) -> None:
    few = [{**row, "variant": "few_unlabelled", "mAP": row["mAP"] - 1} for row in ROWS[2:4]]
    (folder / "few.csv").write_text(to_csv(few), encoding="utf-8")
    (folder / "few.json").write_text(json.dumps(RUN), encoding="utf-8")
    lines = _lines("fewer of few one", folder)
    assert len(lines) == 4 + 4 + 1
    assert lines[4].startswith("| baseline: labels alone | 41.0 ± 1.4 | ")
    assert lines[5].startswith("| **distilled, our recipe** | 47.0 ± 2.8 | ")


def test_how_it_came_about(folder: Path) -> None:
    told = _lines("run of one", folder)[2]
    assert told == (
        "`python -m benchmarks.ablation`, 10 images of the split test, 2 classes; "
        "2 cores, 2030-01-01; torch 9.9."
    )


def test_a_part_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing\.csv: no such file"):
        with_results("<!-- table of nothing -->\n<!-- end -->", tmp_path)
    with pytest.raises(UserError, match="unknown; allowed: table"):
        with_results("<!-- figure of scenes -->\n<!-- end -->", tmp_path)

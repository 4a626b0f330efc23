"""Tables from raw results, and raw results through a file."""

import pytest

from benchmarks.ablation.results import Row, from_csv, to_csv
from benchmarks.ablation.tables import fewer_table, gains, main_table, parts_table

ROWS: list[Row] = [
    {"variant": "baseline", "seed": 0, "mAP": 40.0, "CF1": 30.0, "OF1": 31.0, "top_OF1": 32.0, "small": 20.0},
    {"variant": "baseline", "seed": 1, "mAP": 42.0, "CF1": 30.0, "OF1": 31.0, "top_OF1": 32.0, "small": 22.0},
    {"variant": "both", "seed": 0, "mAP": 45.0, "CF1": 35.0, "OF1": 36.0, "top_OF1": 37.0, "small": 27.0},
    {"variant": "both", "seed": 1, "mAP": 49.0, "CF1": 36.0, "OF1": 36.0, "top_OF1": 37.0, "small": 28.0},
]
for row, recovered, seconds in zip(ROWS, (None, None, 0.5, 0.7), (10.0, 12.0, 20.0, 22.0), strict=True):
    row["seconds"] = seconds
    if recovered is not None:
        row["gap_recovered"] = recovered


def test_gains_are_of_the_same_seed() -> None:
    assert gains(ROWS, "both") == [5.0, 7.0]
    assert gains(ROWS[:1] + ROWS[2:], "both") == [5.0]


def test_a_line_says_mean_spread_gain_interval_and_test() -> None:
    lines = main_table(ROWS).splitlines()
    assert lines[2] == "| baseline: labels alone | 41.0 ± 1.4 |  |  |  |  | 30.0 | 31.0 | 32.0 | 11 | 2 |"
    # Of 5 and 7: t of one degree of freedom is 12.706, the standard error 1; p = 2 arctan(1 / 6) / pi.
    expected = "| 47.0 ± 2.8 | +6.0 | -6.7 to +18.7 | 0.105 | 0.60 | 35.5 | 36.0 | 37.0 | 21 | 2 |"
    assert lines[3].endswith(expected)


def test_the_student_with_images_without_labels_leads_the_others_by_so_much() -> None:
    few = [
        {**row, "variant": name}
        for row, name in zip(ROWS, ["few_alone"] * 2 + ["few_unlabelled"] * 2, strict=True)
    ]
    lines = fewer_table([*ROWS[:2], *few, {**ROWS[0], "variant": "rival"}]).splitlines()[2:]
    assert lines[0] == "| baseline: labels alone | 41.0 ± 1.4 | +6.0 | -6.7 to +18.7 | 0.105 | 2 |"
    assert lines[1].endswith("distilled | 41.0 ± 1.4 | +6.0 | -6.7 to +18.7 | 0.105 | 2 |")
    assert lines[2].endswith("| 47.0 ± 2.8 |  |  |  | 2 |")
    assert len(lines) == 3


def test_one_seed_has_no_interval() -> None:
    line = main_table([ROWS[0], ROWS[2]]).splitlines()[3]
    assert "| 45.0 | +5.0 |  |  | 0.50 |" in line
    assert line.endswith("| 1 |")


def test_the_gain_over_the_strongest_student_without_a_teacher_stands_beside_that_over_labels() -> None:
    free = [row | {"variant": "augmented", "mAP": row["mAP"] + 3} for row in ROWS[:2]]
    weaker = [row | {"variant": "random_regions", "mAP": row["mAP"] + 1} for row in ROWS[:2]]
    head, _, *lines = main_table([*ROWS, *free, *weaker]).splitlines()
    assert "| gain | 95 % interval | p | over no teacher | 95 % interval | gap recovered |" in head
    ours = next(line for line in lines if "our recipe" in line)
    assert "| +6.0 | -6.7 to +18.7 | 0.105 | +3.0 | -9.7 to +15.7 | 0.60 |" in ours
    assert all("|  |  |  |" in line for line in lines if "control" in line)


def test_parts_that_no_cell_has_get_no_column() -> None:
    head, _, plain, ours = parts_table(ROWS).splitlines()
    assert head == "| | small | gain |"
    assert plain.endswith("| 21.0 |  |")
    assert ours.endswith("| 27.5 | +6.5 |")


def test_what_a_cell_could_not_measure_is_left_out_of_the_mean() -> None:
    unknown = [row | {"small": float("nan"), "gap_recovered": float("nan")} for row in ROWS[2:3]]
    line = parts_table([*ROWS[:2], *unknown, ROWS[3]]).splitlines()[3]
    assert line.endswith("| 28.0 | +6.0 |")
    assert "nan" not in main_table([*ROWS[:2], *unknown]) + parts_table([*ROWS[:2], *unknown])


def test_rows_survive_the_file() -> None:
    text = to_csv(ROWS)
    assert to_csv(from_csv(text)) == text
    assert from_csv(text)[2]["gap_recovered"] == pytest.approx(0.5)
    assert "gap_recovered" not in from_csv(text)[0]

"""Lines, tables and the page of the suite of growth; what is measured of a process; and the suite, tiny."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image

from benchmarks.growth.annotations import main as print_annotations
from benchmarks.growth.annotations import measured, prepare_drawn
from benchmarks.growth.assumptions import DATASETS, Assumptions
from benchmarks.growth.extrapolate import artifacts, hours, work
from benchmarks.growth.figure import draw
from benchmarks.growth.fit import fit, slope
from benchmarks.growth.page import PAGE, RESULTS, SUITE, with_results
from benchmarks.growth.plan import FULL, STAGES, parameters
from benchmarks.growth.random_boxes import random_boxes
from benchmarks.growth.results import read_results, series
from benchmarks.growth.table import memory, times
from benchmarks.growth.watch import FailedError, watch
from benchmarks.parts import part_pattern
from wsdkd.data.annotations import read_objects
from wsdkd.data.tables import ImageRow, read_images
from wsdkd.ground.errors import UserError
from wsdkd.profiles import parse_profile
from wsdkd.proposals.stored import read_proposals, write_proposals

PROJECT = Path(__file__).parents[2]
MEGABYTE = 1_000_000


def test_a_straight_line_has_no_residual() -> None:
    line = fit([10, 20, 40], [7, 9, 13])
    assert line.start == pytest.approx(5)
    assert line.each == pytest.approx(0.2)
    assert line.residual == pytest.approx(0, abs=1e-12)
    assert line.steps == pytest.approx([1, 1])


def test_quadratic_growth_shows() -> None:
    counts = [250, 1000, 4000, 16_000]
    line = fit(counts, [5 + count**2 / 1e6 for count in counts])
    assert line.residual > 0.5
    # An image more: (250 + 1000) / 1e6, (1000 + 4000) / 1e6 and (4000 + 16000) / 1e6.
    assert line.steps == pytest.approx([1 / 16, 1 / 4, 1])


def test_small_sizes_count_as_large_ones_do() -> None:
    # Without weights the line would go through the two large ones, and miss the first by all of it.
    line = fit([1, 1000, 2000], [2, 1000, 2000])
    assert line.residual < 0.01
    assert line.start == pytest.approx(1, rel=0.01)


def test_memory_grows_by_its_slope() -> None:
    assert slope([0, 1000, 2000], [5e8, 5e8 + 4e6, 5e8 + 8e6]) == pytest.approx(4000)


def run(count: int, **changes: Any) -> dict[str, Any]:
    measured = {"seconds": 4 + count / 100, "cpu_seconds": 3 + count / 50}
    sizes = {"peak_bytes": 300 * MEGABYTE + 40_000 * count, "together_bytes": 500 * MEGABYTE}
    return {"against": "images", "count": count, "stage": "prepare", **measured, **sizes, **changes}


RESULTS_OF_TWO: dict[str, Any] = {
    "machine": "m",
    "versions": {"python": "3"},
    "date": "2026-11-26",
    "command": "python -m benchmarks.growth",
    "runs": [run(1000), run(100), run(100, against="proposals", together_bytes=None)],
}


def test_tables_have_what_was_measured_and_the_line() -> None:
    row = times(RESULTS_OF_TWO, "images").splitlines()[-1]
    assert row == "| `prepare` | 5.0 s | 14.0 s | 4.0 s | 10.00 ms | 0 % | 0 % | 1.00 |"
    assert memory(RESULTS_OF_TWO, "images").splitlines()[-1] == (
        "| `prepare` | 304 / 500 | 340 / 500 | 40,000 | 0 |"
    )
    assert [one["count"] for one in series(RESULTS_OF_TWO, "images")["prepare"]] == [100, 1000]


def test_the_figure_is_drawn_of_whatever_was_measured(tmp_path: Path) -> None:
    draw(RESULTS_OF_TWO, tmp_path / "growth.png")
    with Image.open(tmp_path / "growth.png") as picture:
        assert picture.width > picture.height > 500


def test_random_boxes_are_as_many_as_wanted_and_lie_within(tmp_path: Path) -> None:
    rows = [ImageRow(name, name, 64, 48, "train", (), (), "") for name in "ab"]
    write_proposals(tmp_path / "proposals", random_boxes(rows, 200))
    proposals = read_proposals(tmp_path / "proposals")
    for name in "ab":
        boxes, scores = proposals.of(name)
        assert boxes.shape == (200, 4)
        assert (boxes >= 0).all()
        assert (boxes[:, 2:] <= (64, 48)).all()
        assert (boxes[:, 2:] - boxes[:, :2] >= 3.99).all()
        assert (np.diff(scores) <= 0).all()


def test_the_page_has_the_results_that_lie_beside_it() -> None:
    text = (PROJECT / PAGE).read_text(encoding="utf-8")
    results = read_results((PROJECT / PAGE).with_name(RESULTS))
    assert with_results(text, results) == text, "run: python -m benchmarks.growth.page"
    measured = {"figure", "run", "times", "memory", "times_of_proposals", "memory_of_proposals"}
    computed = {"assumptions", "costs", "hours", "bytes"}
    assert {found[2] for found in part_pattern(SUITE).finditer(text)} == measured | computed


def test_another_figure_is_noticed() -> None:
    text = "<!-- times of growth -->\n<!-- end -->\n<!-- run of growth -->\n<!-- end -->"
    assert "| 14.0 s |" in with_results(text, RESULTS_OF_TWO)
    assert "`python -m benchmarks.growth` on 2026-11-26; m" in with_results(text, RESULTS_OF_TWO)
    assert "Not measured yet." in with_results(text, {"runs": []})
    with pytest.raises(UserError, match="unknown; allowed: times, "):
        with_results("<!-- rows of growth -->\n<!-- end -->", RESULTS_OF_TWO)


def test_hours_are_the_arithmetic_of_the_assumptions() -> None:
    coco = DATASETS[0]
    assumed = Assumptions(tflops=20, gpus=10, scaling=1, cores=8, prepare_ms=5)
    # 123,287 photographs of 5 ms: 616.4 core seconds, on 8 and on 80 cores.
    assert "| `prepare` | 0.021 c / 0.0021 c |" in hours(assumed)
    found = work(coco, assumed)
    assert found["prepare"].core_seconds == pytest.approx(616.435)
    # VGG16's convolutions take 15.35 G at 224 pixels (Simonyan and Zisserman), (672 / 224)^2 as many at 672.
    assert found["cache_teacher"].multiply_adds / (2 * 82_783) > 9 * 15.35e9
    # Both stages of distillation together see what the baseline sees.
    both = found["distill_features"].multiply_adds + found["distill_predictions"].multiply_adds
    assert both == pytest.approx(found["train_baseline"].multiply_adds)


def test_bytes_are_those_of_the_estimate() -> None:
    # docs/cache.md: 68.92 GB.
    assert artifacts(DATASETS[0], Assumptions())["`data/teacher_cache`"] == pytest.approx(68.92e9, rel=1e-3)
    assert artifacts(DATASETS[0], Assumptions())["`data/proposals`"] == 123_287 * 500 * 20


@pytest.mark.parametrize("count", [250, 16_000])
def test_parameters_are_a_profile(count: int) -> None:
    profile = parse_profile(parameters(FULL, count, 50), Path("params.yaml"))
    drawn = profile.dataset
    assert drawn.train_images + drawn.val_images + drawn.test_images == count  # type: ignore[union-attr]
    assert profile.teacher.proposals == 50


HOLD = "x = bytearray(200_000_000); import time; time.sleep(1.5)"


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels tell no shares")
@pytest.mark.parametrize(
    ("code", "processes"),
    [
        (HOLD, 1),
        (f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {HOLD!r}])", 1),
        (f"import os\nchild = os.fork()\n{HOLD}\nif child: os.wait()", 2),
    ],
    ids=["itself", "a child", "both"],
)
def test_memory_is_its_and_its_childrens(tmp_path: Path, code: str, processes: int) -> None:
    used = watch([sys.executable, "-c", code], tmp_path / "log", {})
    assert 200 * MEGABYTE < used.peak_bytes < 300 * MEGABYTE
    assert used.together_bytes is not None
    assert processes * 200 * MEGABYTE < used.together_bytes < processes * 200 * MEGABYTE + 100 * MEGABYTE
    assert used.seconds > 1.4


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(FailedError, match="status 3: no such thing"):
        watch([sys.executable, "-c", "print('no such thing'); exit(3)"], tmp_path / "log", {})


def test_the_cheapest_stages_are_measured(tmp_path: Path) -> None:
    report = tmp_path / "growth.json"
    command = [
        sys.executable,
        "-m",
        "benchmarks.growth",
        "--smoke",
        "--until",
        "prepare",
        "--to",
        str(report),
    ]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, timeout=300)
    found = json.loads(report.read_text(encoding="utf-8"))["runs"]
    assert [(one["count"], one["stage"]) for one in found] == [
        (count, stage) for count in (16, 32) for stage in STAGES[:2]
    ]
    assert all(one["seconds"] > 0 and one["peak_bytes"] > 20 * MEGABYTE for one in found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--until", "nothing"], "--until nothing: unknown; allowed: draw_scenes"),
        (["--smoke", "--write", "docs/scaling.md"], "--write excludes --smoke"),
    ],
)
def test_wrong_options_are_refused(options: list[str], message: str) -> None:
    command = [sys.executable, "-m", "benchmarks.growth", *options]
    told = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True, timeout=120)
    assert told.returncode == 1
    assert message in told.stderr


def test_annotations_are_drawn_prepared_and_measured(tmp_path: Path) -> None:
    read, most = prepare_drawn(100, 2, tmp_path)
    assert 0 < read <= most
    images = read_images(tmp_path / "prepared" / "images.parquet")
    assert {len(row.labels) for row in images} == {3}
    objects = read_objects(tmp_path / "prepared" / "objects.parquet")
    assert (len(images), len(objects)) == (100, 200)
    assert {row.image_id for row in objects} == {row.image_id for row in images}


def test_what_an_image_takes_is_measured_in_processes_of_their_own() -> None:
    read, most = measured(10_000, 0)
    # Of so few what is computed at once is most; tests/datasets/test_memory.py has a bound that is near.
    assert 0 <= read < most < 10_000


def test_bytes_of_annotations_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with patch("benchmarks.growth.annotations.measured", return_value=(90.4, 1234.5)) as asked:
        print_annotations(200, 1)
    asked.assert_called_once_with(200, 1)
    assert capsys.readouterr().out == (
        "200 images with 1 boxes each: 90 bytes an image as a reader gives them, 1,234 at most\n"
    )

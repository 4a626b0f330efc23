"""The whole suite on the smoke profile, in a copy of the project, as a user runs it.

It trains every variant; `make suite` runs these tests, and so does .ci/run.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmarks.ablation.__main__ import parts
from benchmarks.ablation.results import COLUMNS, from_csv
from benchmarks.ablation.variants import VARIANTS
from wsdkd.cache.manifest import read_manifest

PROJECT = Path(__file__).parents[2]
PARTS = ("benchmarks", "dvc.yaml", "flows", "inputs", "profiles", "stages", "wsdkd")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for part in PARTS:
        if (PROJECT / part).is_dir():
            shutil.copytree(PROJECT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(PROJECT / part, folder / part)
    return folder


SUITE = [sys.executable, "-m", "benchmarks.ablation", "--profile", "scenes-smoke"]


def _environment(project: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(project), "DVC_NO_ANALYTICS": "1"}


def _run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SUITE, *arguments],
        cwd=project,
        env=_environment(project),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def _working_below(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


@pytest.fixture(scope="module")
def finished(project: Path) -> str:
    done = _run(project, "--seeds", "1")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


@pytest.mark.long
def test_a_row_a_cell_and_a_line_a_variant(project: Path, finished: str) -> None:
    text = (project / "reports/ablation/scenes-smoke/results.csv").read_text(encoding="utf-8")
    assert text.splitlines()[0] == ",".join(COLUMNS)
    rows = from_csv(text)
    assert {(row["variant"], row["seed"]) for row in rows} == {(name, 0) for name in VARIANTS}
    for row in rows:
        assert 0 < row["mAP"] < 100
        assert row["seconds"] > 0
    for variant in VARIANTS.values():
        assert sum(line.startswith(f"| {variant.title} |") for line in finished.splitlines()) == 2
    teacher = [row for row in rows if row["variant"] == "teacher"]
    assert all("CorLoc" in row and "AP50" in row for row in teacher)


@pytest.mark.long
def test_seeds_and_variants_differ(project: Path, finished: str) -> None:
    assert finished
    done = _run(project, "--seeds", "2", "--variants", "baseline,teacher,both")
    assert done.returncode == 0, done.stderr[-4000:]
    rows = from_csv((project / "reports/ablation/scenes-smoke/results.csv").read_text(encoding="utf-8"))
    assert len({row["mAP"] for row in rows}) == len(rows)


@pytest.mark.long
def test_finished_cells_are_not_computed_again(project: Path, finished: str) -> None:
    lost = project / "data/ablation/scenes-smoke/cells/rival-0"
    shutil.rmtree(lost)
    done = _run(project, "--seeds", "1")
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Running stage" not in done.stdout
    assert done.stdout.splitlines()[-4:] == finished.splitlines()[-4:]
    assert (lost / "cell.json").is_file()


@pytest.mark.long
def test_what_is_missing_alone_is_computed(project: Path, finished: str) -> None:
    assert finished
    done = _run(project, "--seeds", "3", "--variants", "baseline")
    assert done.returncode == 0, done.stderr[-4000:]
    ran = [line for line in done.stdout.splitlines() if line.startswith("Running stage")]
    assert ran == ["Running stage 'baseline-2':"]


@pytest.mark.long
def test_a_killed_suite_leaves_nothing_running_and_goes_on(project: Path, finished: str) -> None:
    assert finished
    again = ["--seeds", "4", "--variants", "baseline"]
    with subprocess.Popen(
        [*SUITE, *again], cwd=project, env=_environment(project), stdout=subprocess.PIPE, text=True
    ) as suite:
        assert suite.stdout is not None
        while "baseline-3" not in suite.stdout.readline():
            assert suite.poll() is None
        assert _working_below(project / "data")
        suite.kill()
        deadline = time.monotonic() + 30
        while _working_below(project / "data") and time.monotonic() < deadline:
            time.sleep(0.2)
    assert not _working_below(project / "data")
    done = _run(project, *again)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Running stage 'baseline-3':" in done.stdout.splitlines()


@pytest.mark.long
def test_variants_with_few_labels_have_a_teacher_of_their_own(project: Path, finished: str) -> None:
    assert finished
    done = _run(project, "--seeds", "1", "--variants", "few_alone,few_unlabelled", "--jobs", "1")
    assert done.returncode == 0, done.stderr[-4000:]
    ran = [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")]
    assert ran == ["few", "few_teacher-0", "few_alone-0", "few_unlabelled-0"]
    home = project / "data/ablation/scenes-smoke"
    caches = [read_manifest(home / f"teachers/{name}/cache") for name in ("0", "few_teacher-0")]
    assert len({sum(entry.images for entry in each.shards) for each in caches}) == 1
    assert "30 % of the labels: distilled | " in done.stdout


def test_each_seed_may_set_its_images_aside_anew() -> None:
    params = {"dataset": {"format": "voc", "split_seed": 7}, "cache": {}}
    (whole,) = parts(Path("home"), params, 3, False, Path("cards.yaml"))
    assert whole == (Path("home"), params, range(3))
    split = list(parts(Path("home"), params, 3, True, Path("cards.yaml")))
    assert [(folder.name, seeds) for folder, _, seeds in split] == [
        ("split-0", [0]),
        ("split-1", [1]),
        ("split-2", [2]),
    ]
    assert [each["dataset"] for _, each, _ in split] == [
        {"format": "voc", "split_seed": 7 + seed} for seed in range(3)
    ]
    assert all(each["cache"] == {} for _, each, _ in split)


def test_splits_of_drawn_scenes_are_not_set_aside(project: Path) -> None:
    ended = _run(project, "--splits")
    assert ended.returncode == 1
    assert "--splits: profiles/scenes-smoke.yaml: dataset.format scenes has fixed splits" in ended.stderr


def test_an_unknown_variant_is_refused(project: Path) -> None:
    done = _run(project, "--variants", "baseline,none")
    assert done.returncode == 1
    assert "error: --variants none: unknown; allowed: baseline, teacher" in done.stderr


def test_a_variant_that_does_not_fit_the_profile_is_refused_before_anything_is_trained(project: Path) -> None:
    done = _run(project, "--set", "cache.rois=4", "--variants", "teacher,rois_6")
    assert done.returncode == 1
    wanted = "distill_features.rois: should be at most cache.rois (4), got 6"
    assert f"error: --variants rois_6: profiles/scenes-smoke.yaml: {wanted}" in done.stderr

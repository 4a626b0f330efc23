"""A long run: the flow again and again, with a photograph added each time."""

import csv
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
from ruamel.yaml import YAML

from benchmarks.faults import pipeline
from benchmarks.faults.case import Campaign, Case, one_line
from tests.pipeline.clone import Clone, make_clone
from wsdkd.data.tables import Split
from wsdkd.datasets.params import ScenesDataset
from wsdkd.datasets.scenes.layouts import read_scenes
from wsdkd.datasets.scenes.write_coco import write_scenes

MOST_SECONDS = 2 * 3600
FIRST = 40
"""Photographs before the first one is added."""
GROWTH = 0.1
"""How much more than twice before a figure may be at the end, other than what each run has to leave."""
FLOW = ("flows.retrain", "--allow-dirty", "--no-push")


def run(seed: int, numbers: Sequence[int], base: Path) -> Iterator[Case]:
    """Retrain a time for each case, or for two hours."""
    clone, pictures = _project(base, seed, len(numbers))
    began = time.perf_counter()
    sizes: list[dict[str, int]] = []
    for number in range(len(numbers)):
        if time.perf_counter() - began > MOST_SECONDS:
            return
        _add(clone.root / "raw", pictures[FIRST + number])
        started = time.perf_counter()
        process = pipeline.start(clone, FLOW, stdout=None)
        with ThreadPoolExecutor(1) as beside:
            watched = beside.submit(_watched, process.pid)
            _, errors = process.communicate()  # from the start: the flow waits where its messages fill a pipe
        peak = watched.result()
        sizes.append(_sizes(clone.root) | {"memory": peak})
        found, good = _judged(process.returncode, sizes, clone)
        said = ", ".join(f"{name} {value:,}" for name, value in sizes[-1].items())
        if process.returncode != 0:
            said = one_line(errors)
        seconds = round(time.perf_counter() - started, 1)
        yield Case(
            number, "flow", f"{FIRST + number + 1} photographs", found, good, seconds, peak // 10**6, said
        )


Scene = tuple[Path, tuple[str, ...], Split]
"""A picture, its labels, its split."""


def _project(base: Path, seed: int, cases: int) -> tuple[Clone, list[Scene]]:
    clone = make_clone(base / "project", workers=1)
    every = FIRST + cases
    params = ScenesDataset(
        format="scenes", root="s", train_images=every, val_images=8, test_images=8, side=64, seed=seed
    )
    write_scenes(base / "scenes", params)
    _, scenes = read_scenes(base / "scenes")
    listed = [(scene.picture, tuple(sorted(scene.names)), scene.split) for scene in scenes]
    train = [scene for scene in listed if scene[2] == "train"]
    raw = clone.root / "raw"
    raw.mkdir()
    with (raw / "labels.csv").open("w", encoding="utf-8") as file:
        file.write("path,labels,split\n")
    for scene in [*train[:FIRST], *(scene for scene in listed if scene[2] != "train")]:
        _add(raw, scene)
    path = clone.root / "params.yaml"
    data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    data["dataset"] = {"format": "table", "root": "raw", "draw": [], "listed": {}}
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(data, file)
    return clone, train


def _add(raw: Path, scene: Scene) -> None:
    picture, labels, split = scene
    shutil.copy(picture, raw / picture.name)
    with (raw / "labels.csv").open("a", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow((picture.name, "|".join(labels), split))


def _watched(pid: int) -> int:
    """The most memory that a process and all below it took together, in bytes."""
    most = 0
    with suppress(psutil.Error):
        top = psutil.Process(pid)
        while top.is_running() and top.status() != psutil.STATUS_ZOMBIE:
            together = 0
            for process in (top, *top.children(recursive=True)):
                with suppress(psutil.Error):
                    together += process.memory_info().rss
            most = max(most, together)
            time.sleep(0.5)
    return most


def _sizes(root: Path) -> dict[str, int]:
    """Bytes of DVC's storage and of all else, of Prefect's files, and how many files there are besides."""
    dvc, prefect, rest, files = 0, 0, 0, 0
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder) / name
            with suppress(OSError):
                size, below = path.lstat().st_size, path.relative_to(root).parts[0]
                if below == ".dvc":
                    dvc += size
                elif below == ".prefect":
                    prefect += size
                elif below != ".git":
                    rest, files = rest + size, files + 1
    return {"storage": dvc, "prefect": prefect, "project": rest, "files": files}


def _judged(status: int, sizes: list[dict[str, int]], clone: Clone) -> tuple[str, bool]:
    if status != 0:
        return "failed", False
    left = pipeline.leftovers(clone)
    if left:
        return f"leaves {left[0]}", False
    if len(sizes) < 3:
        return "ran", True  # too few to say that nothing grows
    # A promoted version and what is recorded of it may be added a run; all else stays.
    second, last, versions = (
        sizes[1],
        sizes[-1],
        len(list((clone.root / "models/promoted/versions").glob("*"))),
    )
    growing = [
        name
        for name, most in (("project", 3_000_000 * versions), ("files", 8 * versions + 4 * len(sizes)))
        if last[name] - second[name] > most + GROWTH * second[name]
    ]
    if last["memory"] > (1 + 2 * GROWTH) * second["memory"]:
        growing.append("memory")
    return (f"{growing[0]} grows", False) if growing else ("bounded", True)


LONG_RUN = Campaign(
    "long_run",
    "A long run",
    50,
    run,
    "The Prefect flow retrains on the smoke profile, and before each run a photograph is added to the "
    "dataset; it ends after two hours. Right is: the run succeeds, leaves nothing unfinished, takes "
    "no more memory than the second one did, and adds no files or bytes to the project but the "
    "photograph and a promoted student. DVC's storage keeps what each run made until `dvc gc` is "
    "called, and Prefect's folder its records.",
)

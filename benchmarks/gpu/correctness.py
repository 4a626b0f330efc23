"""Whether a card gives what a CPU gives."""

import json
import os
import subprocess
import sys
from functools import cache as cached
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from benchmarks.bench.world import PROJECT
from benchmarks.gpu.pipeline import TINY
from benchmarks.gpu.row import Check, NotHere, Row
from benchmarks.gpu.world import World, cache_params
from wsdkd.cache.reader import TeacherCache

ROUNDING = 2.0**-9
"""Of a number as a share of the largest one beside it: two roundings of half precision, to either side."""
CHOSEN_ALIKE = 0.98
"""Of the regions; where two are nearly as confident, a last digit decides."""
EPOCHS = 8


def _features(world: World) -> Check:
    rows, teacher = world.rows[: world.sizes.compared], world.teacher
    params = cache_params(2, precision="fp32")
    mine = TeacherCache(world.write_cache(teacher, rows, params, world.device))
    theirs = TeacherCache(world.write_cache(teacher, rows, params, torch.device("cpu")))
    teacher.model.to(world.device)
    worst = {"logits": 0.0, "features": 0.0}
    alike = chosen = 0
    for row in rows:
        for mirrored in (False, True):
            one, other = (each.view(row.image_id, mirrored) for each in (mine, theirs))
            for name in ("class_logits", "detection_logits"):
                worst["logits"] = max(worst["logits"], _difference(getattr(one, name), getattr(other, name)))
            both, first, second = np.intersect1d(one.chosen, other.chosen, return_indices=True)
            worst["features"] = max(
                worst["features"], _difference(one.features[first], other.features[second])
            )
            alike, chosen = alike + len(both), chosen + len(other.chosen)
    share = alike / chosen
    right = max(worst.values()) <= ROUNDING and share >= CHOSEN_ALIKE
    return Check(
        right,
        {"logits differ by": worst["logits"], "features differ by": worst["features"], "chosen alike": share},
        f"{len(rows)} images in both views in fp32; a difference is a share of the largest value beside it, "
        f"at most {ROUNDING:.2g}; at least {CHOSEN_ALIKE:.0%} of the regions are to be chosen alike",
    )


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    largest = np.abs(other.astype(np.float32)).max(initial=1e-6)
    return float(np.abs(one.astype(np.float32) - other.astype(np.float32)).max(initial=0) / largest)


def _pipeline(world: World, precision: str) -> Check:
    if precision == "fp16" and world.device.type != "cuda":
        raise NotHere("fp16 needs a GPU")
    smoke = world.sizes.seeds == 1
    epochs = TINY if smoke else EPOCHS
    on_cpu = _on_cpu(world.sizes.seeds, epochs, world)
    same = precision == "fp32" and world.device.type != "cuda"
    found = on_cpu[0] if same else _finished(_started(precision, 0, epochs, world, hidden=False))
    right, figures = True, {}
    for name, value in found.items():
        values = [each[name] for each in on_cpu]
        spread = max(values) - min(values)
        figures[name] = value
        figures[f"{name}, CPU least"], figures[f"{name}, CPU most"] = min(values), max(values)
        right = right and (smoke or min(values) - spread <= value <= max(values) + spread)
    return Check(
        right,
        figures,
        f"mAP; on the CPU in fp32 with {world.sizes.seeds} seeds; right where none of the card's is further "
        "from theirs than they are from each other",
    )


@cached
def _on_cpu(seeds: int, epochs: int, world: World) -> list[dict[str, float]]:
    started = [_started("fp32", seed, epochs, world, hidden=True) for seed in range(seeds)]
    return [_finished(each) for each in started]


def _started(precision: str, seed: int, epochs: int, world: World, hidden: bool) -> Any:
    """A pipeline in a process of its own: trainings of one process share a precision, and a device."""
    folder = TemporaryDirectory(dir=world.folder)
    paths = [str(PROJECT), os.environ.get("PYTHONPATH", ""), str(world.site or "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        # A few small pictures: they fit into memory, and starting processes would take longer than they do.
        "WSDKD_MEMORY_GB": "1",
        "WSDKD_WORKERS": "1",
    }
    if hidden:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    arguments = [folder.name, precision, str(seed), str(epochs)]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.gpu.pipeline", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, folder


def _finished(started: Any) -> dict[str, float]:
    process, folder = started
    with folder:
        said, _ = process.communicate()
    if process.returncode:
        raise RuntimeError("the pipeline failed; its traceback stands above")
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    return found


FEATURES = Row(
    "features",
    "what the cache holds, filled on the card",
    "the same, filled on the CPU",
    _features,
    30,
)
PIPELINES = tuple(
    Row(
        f"pipeline_{precision}",
        f"scenes-smoke from scenes to student, in {precision} on the card",
        "the same in fp32 on the CPU, with several seeds",
        partial(_pipeline, precision=precision),
        40,
    )
    for precision in ("fp32", "bf16", "fp16")
)

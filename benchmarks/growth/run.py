"""Runs the stages at each size, every stage in a process of its own."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.ablation.workspace import PROJECT, workspace
from benchmarks.growth.plan import BLIND, Plan, parameters
from benchmarks.growth.watch import Usage, watch
from wsdkd import project

VARIABLES = {
    # What a process keeps up to a bound is kept low, or filling it would look like growth: decoded
    # pictures, and oneDNN's compiled kernels, one for every number of regions that a batch has had.
    "WSDKD_MEMORY_GB": "0",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "8",
    "WSDKD_PROCESSES": "1",
    "PYTHONPATH": str(PROJECT),
}
SHARED = (
    project.SCENES,
    project.PREPARED,
    project.TEACHER.with_name("baseline"),
    project.CURVES / "baseline",
)
"""What does not depend on proposals."""

Run = dict[str, Any]
"""``against`` (images or proposals), ``count`` of them, ``stage``, and the fields of ``Usage``."""


def against_images(plan: Plan, stages: Sequence[str], folder: Path) -> Iterator[Run]:
    """Measure ``stages`` at each number of images, smallest first."""
    for count in plan.images:
        place = folder / f"images-{count}"
        with workspace(place, parameters(plan, count, plan.boxes), {}):
            for stage in stages:
                yield _run("images", count, stage, _stage(stage))
        shutil.rmtree(place)  # the largest alone takes gigabytes


def against_proposals(plan: Plan, stages: Sequence[str], folder: Path) -> Iterator[Run]:
    """Measure those of ``stages`` that read proposals at each number of these.

    The stage ``propose`` searches and keeps at most that many; what follows it is given exactly that many,
    drawn at random, as no search finds two thousand boxes in a small scene.
    """
    seeing = [stage for stage in stages if stage not in BLIND]
    if not seeing:
        return
    base = folder / "base"
    with workspace(base, parameters(plan, plan.scenes, plan.boxes), {}):
        for stage in (stage for stage in BLIND if stage in stages):
            _stage(stage)
    shared = {str(path): base / path for path in SHARED if (base / path).exists()}
    for count in plan.proposals:
        place = folder / f"proposals-{count}"
        with workspace(place, parameters(plan, plan.scenes, count), shared):
            for stage in seeing:
                yield _run("proposals", count, stage, _stage(stage))
                if stage == "propose":
                    _module(
                        "benchmarks.growth.random_boxes",
                        str(project.IMAGES),
                        str(project.PROPOSALS),
                        str(count),
                    )
        shutil.rmtree(place)


def _run(against: str, count: int, stage: str, usage: Usage) -> Run:
    return {"against": against, "count": count, "stage": stage, **asdict(usage)}


def _stage(stage: str) -> Usage:
    return _module(f"stages.{stage}")


def _module(name: str, *arguments: str) -> Usage:
    return watch([sys.executable, "-m", name, *arguments], Path(f"{name}.log"), VARIABLES)

"""The suite as a DVC repository of its own: a stage a cell, so that finished cells are never computed again.

It lies below data/ablation/, out of sight of the project's pipeline, and needs no Git.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.ablation.variants import ALL, FEW_TEACHER, OURS, PLAIN_TEACHER, TEACHER
from benchmarks.ablation.workspace import DATA, FEWER, PROJECT, TEACHERS
from wsdkd.ground.code import PACKAGES, Sources
from wsdkd.ground.digests import digest
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file
from wsdkd.ground.workers import worker_count
from wsdkd.settings.sections import PARAMS_FILE

HOMES = Path("data/ablation")
CODE = "code.yaml"
VARIANTS_FILE = "variants.yaml"

STAGES = {
    "teacher": ("stages.train_teacher", "stages.cache_teacher"),
    "student": ("stages.train_baseline", "stages.distill_features", "stages.distill_predictions"),
    "live": ("benchmarks.ablation.live",),
    "control": ("benchmarks.ablation.controls",),
    "rivals": ("benchmarks.ablation.rivals",),
    "peers": ("benchmarks.peers.fastai_learner",),
}
"""What cells run; a cell is computed anew when this, or what it imports, does something else."""

TAUGHT = ("cached", "live", "control", "random heads")
"""Kinds of variants that a teacher teaches."""


def teacher_of(name: str) -> str | None:
    """The variant that teaches another one, if any does."""
    variant = ALL[name]
    if variant.kind in ("plain teacher", "rival"):
        return PLAIN_TEACHER
    if variant.kind not in TAUGHT:
        return None
    return TEACHER if variant.labels == "all" else FEW_TEACHER


def timed_by(name: str) -> tuple[str, ...]:
    """The variants whose seconds of training another one gets, if it gets any."""
    return (TEACHER, OURS) if ALL[name].kind == "peer" else ()


def teacher_folder(name: str, seed: int) -> Path:
    """Where the network and the cache of a variant of kind teacher lie, in the suite's folder."""
    return TEACHERS / (str(seed) if name == TEACHER else f"{name}-{seed}")


def cells(variants: Sequence[str], seeds: Sequence[int]) -> list[tuple[str, int]]:
    """All cells, seed by seed, with those of the variants that teach them or say how long they may take."""
    needed = {*variants, *(other for name in variants for other in timed_by(name))}
    needed |= {teacher for name in needed if (teacher := teacher_of(name)) is not None}
    order = [name for name in ALL if name in needed]
    return [(name, seed) for seed in seeds for name in order]


def write_home(home: Path, params: Mapping[str, Any], seeds: Sequence[int], splits: Sequence[str]) -> None:
    """Lay out the repository, with a stage for every cell there could be.

    Args:
        home: its folder, made if missing.
        params: sections of the profile.
        seeds: of the cells.
        splits: on which each network is scored.
    """
    home.mkdir(parents=True, exist_ok=True)
    if not (home / ".dvc").is_dir():
        _dvc(home, "init", "--no-scm", "--quiet")
        _dvc(home, "config", "cache.type", "reflink,hardlink,symlink")
    dataset, photographs = params["dataset"], []
    if dataset["format"] != "scenes":
        photographs = [str(Path(dataset["root"]).resolve())]
        dataset = {**dataset, "root": photographs[0]}
    _dump(home / PARAMS_FILE, {**params, "dataset": dataset})
    sources = Sources((*PACKAGES, "benchmarks"))
    code = {name: [sources.digests(module) for module in modules] for name, modules in STAGES.items()}
    _dump(home / CODE, {name: digest(digests) for name, digests in code.items()})
    _dump(home / VARIANTS_FILE, {name: _described(name) for name in ALL})
    _dump(home / "dvc.yaml", {"stages": _stages(cells(list(ALL), seeds), ",".join(splits), photographs)})


def _described(name: str) -> dict[str, Any]:
    variant = ALL[name]
    described = {"kind": variant.kind, **variant.changes, "taken": dict(variant.taken)}
    if variant.labels != "all":
        described |= {"labels": variant.labels, "longer": variant.longer}
    if variant.first is not None:
        described |= {"first": variant.first}
    return described


def _stages(chosen: Sequence[tuple[str, int]], splits: str, photographs: list[str]) -> dict[str, Any]:
    stages: dict[str, Any] = {
        "data": {
            "cmd": "python -m benchmarks.ablation.data",
            "deps": photographs,
            "params": ["dataset", "proposals"],
            "outs": ["data"],
        },
        "few": {
            "cmd": "python -m benchmarks.ablation.data few",
            "deps": ["data/prepared", *photographs],
            "params": ["dataset"],
            "outs": [str(folder) for folder in FEWER.values()],
        },
    }
    for name, seed in chosen:
        kind, labels, teacher = ALL[name].kind, ALL[name].labels, teacher_of(name)
        tables = DATA if labels == "all" else FEWER[labels]
        stage: dict[str, Any] = {
            "cmd": f"python -m benchmarks.ablation.cell {name} {seed} {splits}",
            "deps": [f"{tables}/prepared", "data/proposals"],
            "params": [{VARIANTS_FILE: [name]}],
            "outs": [f"cells/{name}-{seed}"],
        }
        if kind == "teacher":
            stage["params"] += ["teacher", "cache", {CODE: ["teacher"]}]
            stage["outs"].append(str(teacher_folder(name, seed)))
        else:
            stage["params"] += ["student", "distill_features", "distill_predictions", {CODE: ["student"]}]
        if kind in ("live", "plain teacher"):
            stage["params"] += ["cache", {CODE: ["live"]}]
        if kind in ("rival", "own average"):
            stage["params"].append({CODE: ["rivals"]})
        if kind == "peer":
            stage["params"].append({CODE: ["peers"]})
            stage["deps"] += [f"cells/{other}-{seed}" for other in timed_by(name)]
        if kind == "plain":
            stage["params"] += ["baseline"]
        if kind in ("control", "random heads"):
            stage["params"] += ["cache", "teacher", {CODE: ["control"]}]
        if teacher is not None:
            plain = f"cells/{teacher}-{seed}"
            stage["deps"].append(plain if teacher == PLAIN_TEACHER else str(teacher_folder(teacher, seed)))
        stages[f"{name}-{seed}"] = stage
    return stages


def run(home: Path, chosen: Sequence[tuple[str, int]], jobs: int) -> None:
    """Compute what is missing of ``chosen``, side by side where there is more than one job.

    Raises:
        UserError: a cell failed; those that did not depend on it are finished all the same.
    """
    waiting = chains(chosen)
    jobs = min(jobs, len(waiting))
    threads = str(max(1, worker_count() // jobs))
    fewer = any(ALL[name].labels != "all" for name, _ in chosen)
    _repro(home, ["data", "few"] if fewer else ["data"], threads)
    with ThreadPoolExecutor(jobs) as pool:
        for done in [pool.submit(_repro, home, [f"{n}-{s}" for n, s in chain], threads) for chain in waiting]:
            done.result()


def chains(chosen: Sequence[tuple[str, int]]) -> list[list[tuple[str, int]]]:
    """Cells that need each other, a teacher and its students, in their order; the longest chain first."""
    found: dict[tuple[str, int], list[tuple[str, int]]] = {}
    for name, seed in chosen:
        first = next(iter(timed_by(name)), teacher_of(name) or name)
        found.setdefault((first, seed), []).append((name, seed))
    return sorted(found.values(), key=len, reverse=True)


def _repro(home: Path, stages: list[str], threads: str) -> None:
    # Each by itself, in our order: a stage that DVC looks at on the way to another is locked against
    # the jobs beside it.
    _dvc(home, "--wait-for-lock", "repro", "--keep-going", "--single-item", *stages, OMP_NUM_THREADS=threads)


def _dvc(home: Path, *arguments: str, **variables: str) -> None:
    executable = shutil.which("dvc") or str(Path(sys.executable).with_name("dvc"))
    environment = {
        **os.environ,
        "DVC_NO_ANALYTICS": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": str(PROJECT),
        **variables,
    }
    # The guard ends DVC and its stages when this process ends, however it does: the pipe is closed then.
    guarded = [sys.executable, "-m", "flows.guard", executable, *arguments]
    with subprocess.Popen(guarded, cwd=home, env=environment, stdin=subprocess.PIPE) as running:
        status = running.wait()
    if status != 0:
        raise UserError(f"{home}: dvc {' '.join(arguments[:3])} ended with status {status}")


def _dump(path: Path, content: object) -> None:
    with publish_file(path) as aside, aside.open("w", encoding="utf-8") as file:
        YAML().dump(content, file)

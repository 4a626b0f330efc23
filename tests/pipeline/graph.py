"""Which stages rerun after some have changed, from the graph in dvc.yaml."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from ruamel.yaml import YAML

from tests.pipeline.clone import ROOT

DRAWN = "draw_scenes@scenes"


def downstream(changed: Iterable[str]) -> set[str]:
    """``changed`` and all stages after them, for changes after which every rerun writes other bytes."""
    stages = YAML(typ="safe", pure=True).load((ROOT / "dvc.yaml").read_text())["stages"]
    stages[DRAWN] = stages.pop("draw_scenes")["do"]
    outputs = {name: [_path(out) for out in stage["outs"]] for name, stage in stages.items()}
    inputs = {name: [_path(dep) for dep in stage["deps"]] for name, stage in stages.items()}
    inputs["prepare"].append(PurePosixPath("data/scenes"))
    reached, waiting = set(changed), list(changed)
    while waiting:
        written = outputs[waiting.pop()]
        for name, read in inputs.items():
            if name not in reached and any(_overlap(a, b) for a in written for b in read):
                reached.add(name)
                waiting.append(name)
    return reached


def _path(entry: str | dict[str, object]) -> PurePosixPath:
    path = entry if isinstance(entry, str) else next(iter(entry))
    return PurePosixPath(path.replace("${cache.folder}", "data/teacher_cache"))


def _overlap(first: PurePosixPath, second: PurePosixPath) -> bool:
    return first == second or first in second.parents or second in first.parents

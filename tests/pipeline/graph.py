"""What dvc.yaml says: which stages there are, and which rerun after some have changed."""

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from ruamel.yaml import YAML

from tests.pipeline.clone import ROOT

DRAWN = "draw_scenes@scenes"
"""What DVC calls the one stage of ``draw_scenes``."""
_PIPELINE = YAML(typ="safe", pure=True).load((ROOT / "dvc.yaml").read_text())
STAGES: dict[str, dict[str, Any]] = {
    name: stage.get("do", stage) for name, stage in _PIPELINE["stages"].items()
}
"""All stages by name, in the order of dvc.yaml, which is that of a run."""
ASKED = ("list_photographs", "score_folds")
"""Those that there are only where a parameter asks for them."""
RUN = [DRAWN if name == "draw_scenes" else name for name in STAGES if name not in ASKED]
"""The others' names as DVC calls them."""
BLIND = [
    name for name in STAGES if name not in ("code", "draw_scenes", "list_photographs", "prepare", "evaluate")
]
"""Those that may not see annotated boxes."""


def downstream(changed: Iterable[str]) -> set[str]:
    """``changed`` and all stages after them, for changes after which every rerun writes other bytes."""
    stages = dict(zip(RUN, (STAGES[name] for name in STAGES if name not in ASKED), strict=True))
    outputs = {name: [_path(out) for out in stage["outs"]] for name, stage in stages.items()}
    inputs = {name: [_path(dep) for dep in stage["deps"]] for name, stage in stages.items()}
    inputs["prepare"].append(PurePosixPath("data/scenes"))
    reached, waiting = set(changed), list(changed)
    while waiting:
        written = outputs.get(waiting.pop(), [])  # of a stage that is asked for, nobody reads them
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

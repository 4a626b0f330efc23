"""``dvc repro`` when nothing has changed, against ``dvc status``."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.bench.alternate import alternate
from benchmarks.bench.row import Measured, Row
from benchmarks.bench.world import PROJECT, World
from stages.code import stage_names
from wsdkd.datasets.params import ScenesDataset
from wsdkd.project import CODE, SCENES

PARTS = (
    "dvc.yaml",
    "stages",
    "wsdkd",
    "inputs",
    ".dvc/config",
    ".dvc/.gitignore",
    ".dvcignore",
    ".gitignore",
)
FOLDER_FILES = 8
"""Files in an output that is a folder, other than the dataset."""


def _measure(world: World) -> Measured:
    project = world.folder / "repository"
    files = write_project(project, world.sizes.profile, _scenes(world))
    run_in(project, "git", "init", "--quiet")
    # Outputs that were never computed are taken as they are.
    run_dvc(project, "commit", "--force", "--quiet")
    if "up to date" not in run_dvc(project, "status"):
        raise RuntimeError("a pipeline that was just committed is out of date")
    return alternate(
        partial(run_dvc, project, "repro"),
        partial(run_dvc, project, "status"),
        world.sizes.pairs,
        items=1,
        item="command",
        ratio="time",
        note=f"{files} files of outputs",
    )


def _scenes(world: World) -> int:
    drawn = world.profile.dataset
    if not isinstance(drawn, ScenesDataset):
        raise TypeError(f"{world.sizes.profile}: expected a profile of drawn scenes")
    return drawn.train_images + drawn.val_images + drawn.test_images


def write_project(project: Path, profile: str, scenes: int) -> int:
    """A working copy with a file for each output; how many of these there are."""
    for part in PARTS:
        target = project / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (PROJECT / part).is_dir():
            shutil.copytree(PROJECT / part, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(PROJECT / part, target)
    shutil.copyfile(PROJECT / "profiles" / f"{profile}.yaml", project / "params.yaml")
    pipeline = YAML(typ="safe", pure=True).load((project / "dvc.yaml").read_text(encoding="utf-8"))
    files = [project / file for path in _outputs(pipeline) for file in _files_of(path, scenes)]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(file.name, encoding="utf-8")
    return len(files)


def _outputs(pipeline: Mapping[str, Any]) -> Iterator[str]:
    for stage in pipeline["stages"].values():
        for output in stage.get("do", stage).get("outs", []):
            yield output if isinstance(output, str) else next(iter(output))


def _files_of(output: str, scenes: int) -> list[str]:
    if Path(output).suffix:
        return [output]
    if Path(output) == CODE:
        return [f"{output}/{stage}" for stage in stage_names()]
    count = scenes if Path(output) == SCENES else FOLDER_FILES
    return [f"{output}/{number}.txt" for number in range(count)]


def run_dvc(project: Path, *arguments: str) -> str:
    """What a command of DVC prints there; its failure is a RuntimeError."""
    return run_in(project, sys.executable, "-m", "dvc", *arguments)


def run_in(project: Path, *command: str) -> str:
    """What a command prints there; its failure is a RuntimeError."""
    environment = {
        **os.environ,
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(project.parent / "dvc-site"),
        "DVC_GLOBAL_CONFIG_DIR": str(project.parent / "dvc-config"),
    }
    done = subprocess.run(
        command,
        cwd=project,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


ROWS = (
    Row(
        "dvc_repro",
        "dvc repro with nothing changed",
        "dvc status",
        _measure,
        ratio="time",
    ),
)

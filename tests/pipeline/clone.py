"""A clone of the project in a folder of its own, with DVC and the smoke profile."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from wsdkd.profiles import customised

ROOT = Path(__file__).parents[2]
PARTS = (
    "flows",
    "stages",
    "wsdkd",
    "inputs",
    "profiles",
    "dvc.yaml",
    ".dvcignore",
    ".dvc/.gitignore",
    ".dvc/config",
    ".dvc/plots",
    ".gitignore",
    "Makefile",
)


@dataclass(frozen=True)
class Clone:
    """A working copy and the environment its commands run in."""

    root: Path
    workers: int = 2

    def environment(self) -> dict[str, str]:
        """Nothing of the machine's own configuration, and no identity for Git."""
        return _environment(self.root, self.workers)

    def git(self, *arguments: str) -> str:
        """Run Git here; see :func:`git`."""
        return git(self.root, *arguments)

    def dvc(self, *arguments: str) -> str:
        """Run DVC and return what it printed; a failing command fails the test with its output."""
        return self.run(sys.executable, "-m", "dvc", *arguments).stdout

    def failing_dvc(self, *arguments: str) -> str:
        """Run DVC, which must fail, and return all that it printed."""
        done = self.run(sys.executable, "-m", "dvc", *arguments, fails=True)
        return done.stdout + done.stderr

    def run(self, *command: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command here; that it fails when it should not, or the reverse, fails the test."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert bool(done.returncode) == fails, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done

    def repro(self, *arguments: str) -> set[str]:
        """Run ``dvc repro`` and return the stages that ran (or came from DVC's run cache)."""
        return stages_run(self.dvc("repro", *arguments))

    def change(self, *changes: str) -> None:
        """Change parameters, each given as ``section.key=value``."""
        params = self.root / "params.yaml"
        params.write_text(customised(params.read_text(), list(changes), params))

    def changed(self) -> set[str]:
        """The stages whose own dependencies, parameters or command differ from those of their last run."""
        return set(json.loads(self.dvc("status", "--json")))


def stages_run(log: str) -> set[str]:
    """The stages that ran (or came from DVC's run cache), from what ``dvc repro`` printed."""
    lines = log.splitlines()
    ran = (line.split("'")[1] for line in lines if line.startswith("Running stage"))
    cached = (line.split("'")[1] for line in lines if "is cached - skipping run" in line)
    return {*ran, *cached}


def make_clone(root: Path, workers: int = 2) -> Clone:
    """Copy the project to ``root`` (without data, models and environment) on the profile scenes-smoke."""
    for part in PARTS:
        source, target = ROOT / part, root / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    shutil.copy(root / "profiles/scenes-smoke.yaml", root / "params.yaml")
    clone = Clone(root, workers)
    for arguments in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "-m", "Clone")):
        clone.git(*arguments)
    return clone


def has_this_code(root: Path) -> bool:
    """Whether a clone was made of the project as it is now."""
    for part in PARTS:
        for here in (ROOT / part, *(ROOT / part).rglob("*")):
            there = root / here.relative_to(ROOT)
            if "__pycache__" in here.parts or not here.is_file():
                continue
            if not there.is_file() or there.read_bytes() != here.read_bytes():
                return False
    return True


def git(root: Path, *arguments: str) -> str:
    """Run Git in any folder, as an author of its own, and return what it printed."""
    done = subprocess.run(
        ["git", "-c", "user.name=tests", "-c", "user.email=tests@localhost", *arguments],
        cwd=root,
        env=_environment(root, workers=1),
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def _environment(root: Path, workers: int) -> dict[str, str]:
    foreign = ("GIT_", "PYTHON", "DVC_", "PREFECT_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "DVC_NO_ANALYTICS": "1",
        "DVC_GLOBAL_CONFIG_DIR": str(root.parent / "dvc-config"),
        "DVC_SITE_CACHE_DIR": str(root.parent / "dvc-site"),
        "OMP_NUM_THREADS": "1",
        "WSDKD_WORKERS": str(workers),
    }

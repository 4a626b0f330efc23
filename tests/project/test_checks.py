"""Git's hooks and GitHub's workflow run what ``make test`` runs."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
HOOKS = ".pre-commit-config.yaml"


def test_a_commit_runs_every_check_of_make_test_that_takes_seconds() -> None:
    hooks = _load(HOOKS)["repos"][0]["hooks"]
    before_commit = {hook["entry"] for hook in hooks if "stages" not in hook}
    assert before_commit == {f"make {target}" for target in _prerequisites("test")} - {"make tests"}
    assert [hook["entry"] for hook in hooks if hook.get("stages") == ["pre-push"]] == ["make test"]


def test_no_hook_passes_files_which_make_would_take_for_targets() -> None:
    assert not any(hook["pass_filenames"] for hook in _load(HOOKS)["repos"][0]["hooks"])


def test_the_hooks_are_as_pre_commit_wants_them() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-config", HOOKS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflow_runs_make_test_on_the_oldest_and_newest_python_of_the_makefile() -> None:
    (job,) = _load(".github/workflows/test.yml")["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands == ['make PYTHON="$(command -v python)" test']
    names = re.search(r"^PYTHONS := (.*)$", (ROOT / "Makefile").read_text(), re.M)
    assert names is not None
    versions = sorted(re.findall(r"python3\.(\d+)", names[1]), key=int)
    assert job["strategy"]["matrix"]["python"] == [f"3.{versions[0]}", f"3.{versions[-1]}"]


def _prerequisites(target: str) -> list[str]:
    line = re.search(rf"^{target}: ([^#\n]*)", (ROOT / "Makefile").read_text(), re.M)
    assert line is not None
    return line[1].split()


def _load(name: str) -> dict[str, Any]:
    data: dict[str, Any] = YAML(typ="safe", pure=True).load((ROOT / name).read_text())
    return data

"""A team that has trained and cached a teacher, and shares it in a folder."""

from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.pipeline.clone import Clone, git, make_clone

SHARED = ("code", "prepare", "train_teacher", "cache_teacher", "draw_scenes@scenes")
"""What the team pushes: tables, teacher, cache, and the photographs, which could be drawn again too."""
LATER = ("train_baseline", "distill_features", "distill_predictions", "evaluate")


@pytest.fixture(scope="session")
def team(smoke: Clone, smoke_lock: Path, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The team's clone: teacher and cache are there and pushed, and no student was trained yet."""
    base = tmp_path_factory.mktemp("team")
    team = make_clone(base / "project")
    _forget_students(smoke_lock, team.root / "dvc.lock")
    # What the smoke run made is taken from its cache as from a remote; it is not run again.
    team.dvc("remote", "add", "--local", "smoke", str(smoke.root / ".dvc/cache"))
    team.dvc("pull", "--remote", "smoke", *SHARED, "propose")
    assert team.changed() == set(LATER)
    team.dvc("remote", "add", "--default", "shared", str(base / "remote"))
    git(team.root, "add", ".dvc/config", "dvc.lock")
    git(team.root, "commit", "--quiet", "-m", "Share the teacher")
    team.dvc("push", *SHARED)
    return team


@pytest.fixture(scope="session")
def remote(team: Clone) -> Path:
    """The folder into which the team pushed."""
    return team.root.parent / "remote"


@pytest.fixture(scope="session")
def clone_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Clone], Clone]:
    """A clone of a clone by git, as a colleague makes it."""

    def clone(origin: Clone) -> Clone:
        root = tmp_path_factory.mktemp("colleague") / "project"
        git(root.parent, "clone", "--quiet", str(origin.root), str(root))
        return Clone(root)

    return clone


def _forget_students(source: Path, target: Path) -> None:
    yaml = YAML()
    lock = yaml.load(source.read_text())
    for stage in LATER:
        del lock["stages"][stage]
    yaml.dump(lock, target)

"""A colleague's clone trains students from the team's cache, and runs no stage of the teacher."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.clone import Clone, git, stages_run
from tests.sharing.stored import objects, outputs

pytestmark = pytest.mark.long

TRAIN = ("repro", "--pull", "--allow-missing", "distill_predictions")
STUDENT = {"distill_features", "distill_predictions"}
UNTOUCHED = ("models/teacher", "data/proposals")


@pytest.fixture(scope="module")
def first_log(colleague: Clone) -> str:
    """What the colleague's first training printed."""
    return colleague.dvc(*TRAIN)


@pytest.fixture(scope="module")
def colleague(team: Clone, clone_of: Callable[[Clone], Clone]) -> Clone:
    clone = clone_of(team)
    assert not (clone.root / "data").exists()
    return clone


def no_teacher_in(clone: Clone, team: Clone) -> None:
    """Neither weights nor proposals are in the working copy, or among the objects that DVC fetched."""
    assert not [path for path in UNTOUCHED if (clone.root / path).exists()]
    fetched = objects(clone.root / ".dvc/cache")
    for path in UNTOUCHED:
        assert objects(team.root / ".dvc/cache") >= outputs(team, path)
        assert not fetched & outputs(team, path)
    assert fetched >= outputs(team, "data/teacher_cache")


def test_a_student_is_trained_from_the_shared_cache(first_log: str, colleague: Clone, team: Clone) -> None:
    assert stages_run(first_log) == STUDENT
    for stage in ("prepare", "propose", "train_teacher", "cache_teacher"):
        assert f"Stage '{stage}' didn't change, skipping" in first_log
    assert "data/scenes: the photographs are not here; fetching them: dvc pull data/scenes" in first_log
    assert (colleague.root / "models/student/model.safetensors").is_file()
    no_teacher_in(colleague, team)


def test_another_student_is_too(first_log: str, colleague: Clone, team: Clone) -> None:
    assert first_log
    colleague.change(
        "distill_predictions.temperature=3.0",
        "distill_predictions.training.epochs=2",
        "student.network.backbone=resnet18",
        "student.network.weights=null",
    )
    log = colleague.dvc(*TRAIN)
    assert stages_run(log) == STUDENT
    # The photographs are here by now.
    assert "fetching" not in log
    no_teacher_in(colleague, team)


@pytest.fixture(scope="module")
def trained(first_log: str, colleague: Clone) -> Clone:
    """The colleague's clone, with a committed lock of a student that nobody has pushed."""
    assert first_log
    git(colleague.root, "commit", "--quiet", "--all", "-m", "Train a student")
    return colleague


def test_make_student_trains_one_that_nobody_pushed(
    trained: Clone, team: Clone, clone_of: Callable[[Clone], Clone]
) -> None:
    other = clone_of(trained)
    log = other.run("make", "--old-file=install", "student").stdout
    assert "Nobody has pushed the student" in log
    assert stages_run(log) == STUDENT
    assert (other.root / "models/student/model.safetensors").is_file()
    no_teacher_in(other, team)


def test_make_student_fetches_one_that_is_trained(
    trained: Clone, team: Clone, clone_of: Callable[[Clone], Clone]
) -> None:
    colleague = trained
    colleague.dvc("push", *STUDENT)
    third = clone_of(colleague)
    # The environment is this one: the target install counts as done.
    log = third.run("make", "--old-file=install", "student").stdout
    assert stages_run(log) == set()
    assert [path.name for path in Path(third.root / "models").iterdir()] == ["student"]
    name = "models/student/model.safetensors"
    assert (third.root / name).read_bytes() == (colleague.root / name).read_bytes()
    assert {path.name for path in (third.root / "data").iterdir()} <= {"README.md", "code"}
    assert not objects(third.root / ".dvc/cache") & outputs(team, "data/teacher_cache")

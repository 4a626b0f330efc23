"""Which way of collecting garbage leaves a shared remote whole: docs/sharing.md rests on this."""

import shutil
from pathlib import Path

import pytest

from tests.pipeline.clone import Clone, git
from tests.sharing.stored import objects

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with an older and a newer version of a file, and a colleague's branch with a third.

    All three are in the remote ``remote``, and all commits at the common Git server ``hub.git``.
    """
    base = tmp_path_factory.mktemp("garbage")
    mine, theirs = Clone(base / "mine"), Clone(base / "theirs")
    mine.root.mkdir()
    git(base, "init", "--quiet", "--bare", "--initial-branch=main", "hub.git")
    git(mine.root, "init", "--quiet", "--initial-branch=main")
    git(mine.root, "remote", "add", "origin", str(base / "hub.git"))
    mine.dvc("init", "--quiet")
    mine.dvc("remote", "add", "--default", "shared", str(base / "remote"))
    _commit(mine, "older", "main")
    git(base, "clone", "--quiet", str(base / "hub.git"), "theirs")
    git(theirs.root, "checkout", "--quiet", "-b", "their-branch")
    _commit(theirs, "theirs", "their-branch")
    _commit(mine, "newer", "main")
    return mine


@pytest.fixture(scope="module")
def remote(mine: Clone) -> Path:
    """The remote of both clones, with all three versions in it."""
    remote = mine.root.parent / "remote"
    assert len(objects(remote)) == 3
    return remote


def test_only_all_commits_after_a_fetch_keep_what_others_use(
    mine: Clone, remote: Path, tmp_path: Path
) -> None:
    unused = remote / "files/md5/00/000000000000000000000000000000"
    unused.parent.mkdir(exist_ok=True)
    unused.write_text("of no commit")
    left = {}
    for fetched in (False, True):
        for choice in (("--workspace",), ("--all-branches", "--all-tags"), ("--all-commits",)):
            shutil.copytree(remote, tmp_path / "kept")
            mine.dvc("gc", *choice, "--cloud", "--force")
            assert not unused.exists()
            left[fetched, choice[0]] = len(objects(remote))
            shutil.rmtree(remote)
            shutil.move(tmp_path / "kept", remote)
        git(mine.root, "fetch", "--quiet", "--all", "--tags")
    assert left == {
        (False, "--workspace"): 1,
        (False, "--all-branches"): 1,
        (False, "--all-commits"): 2,
        (True, "--workspace"): 1,
        (True, "--all-branches"): 1,
        (True, "--all-commits"): 3,
    }


def test_without_cloud_the_remote_stays(mine: Clone, remote: Path) -> None:
    before = objects(remote)
    mine.dvc("gc", "--workspace", "--force")
    assert len(objects(mine.root / ".dvc/cache")) == 1
    assert objects(remote) == before


def _commit(clone: Clone, text: str, branch: str) -> None:
    (clone.root / "cache").write_text(text)
    clone.dvc("add", "cache")
    git(clone.root, "add", ".")
    git(clone.root, "commit", "--quiet", "-m", text)
    clone.dvc("push")
    git(clone.root, "push", "--quiet", "origin", branch)

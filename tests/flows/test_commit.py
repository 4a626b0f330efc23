"""A run starts from a commit, and leaves one on a branch of its own."""

import subprocess
from pathlib import Path

import pytest

from flows.commit import CommitError, branch_of, commit_run, read_start, require_clean

AUTHOR = ("-c", "user.name=t", "-c", "user.email=t@localhost")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    # No author can be guessed either.
    monkeypatch.setenv("EMAIL", "")
    _git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    _git(tmp_path, "config", "user.useConfigOnly", "true")
    (tmp_path / ".gitignore").write_text("/reports/\n")
    (tmp_path / "params.yaml").write_text("a: 1\n")
    _git(tmp_path, "add", ".")
    _git(tmp_path, *AUTHOR, "commit", "--quiet", "-m", "One")
    (tmp_path / "dvc.lock").write_text("schema: '2.0'\n")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/metrics.json").write_text("{}\n")
    return tmp_path


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_what_runs_write_makes_no_tree_dirty(root: Path) -> None:
    start = read_start(root=root)
    assert (start.commit, start.branch) == (_git(root, "rev-parse", "HEAD"), "main")
    assert start.modified == ()
    require_clean(start)


def test_every_other_change_does(root: Path) -> None:
    _git(root, "mv", "params.yaml", "moved.yaml")
    (root / ".gitignore").write_text("/reports/\n*.log\n")
    (root / "new file.txt").write_text("")
    (root / "raw.dvc").write_text("")
    start = read_start(root=root)
    assert set(start.modified) == {"params.yaml", "moved.yaml", ".gitignore", "new file.txt", "raw.dvc"}
    assert "raw.dvc" not in read_start(("./raw.dvc",), root=root).modified
    with pytest.raises(CommitError, match=r"not committed: .*moved\.yaml.*--allow-dirty"):
        require_clean(start)


def test_a_project_below_the_top_of_its_repository(root: Path) -> None:
    project = root / "nested/project"
    (project / "reports").mkdir(parents=True)
    for name in ("dvc.lock", "reports/metrics.json", "raw.dvc", "params.yaml"):
        (project / name).write_text("new\n")
    _git(root, "add", "--force", "nested")
    assert set(read_start(("raw.dvc",), project).modified) == {"nested/project/params.yaml", "dvc.lock"}
    _git(root, "add", "dvc.lock")
    _git(root, *AUTHOR, "commit", "--quiet", "-m", "Two")
    start = read_start(root=project)
    (project / "dvc.lock").write_text("of a run\n")
    made = commit_run(start, "retrain/a", "A", root=project)
    assert _git(root, "show", f"{made}:nested/project/dvc.lock") == "of a run"


def test_a_folder_without_a_commit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommitError, match="no Git commit to start from"):
        read_start(root=tmp_path)
    _git(tmp_path, "init", "--quiet")
    with pytest.raises(CommitError, match="no Git commit to start from"):
        read_start(root=tmp_path)


def test_the_commit_of_a_run(root: Path) -> None:
    (root / "staged.txt").write_text("")
    _git(root, "add", "staged.txt")
    _git(root, "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "-m", "Two")
    start = read_start(root=root)
    made = commit_run(start, "retrain/red-fox", "Retrain red-fox", root=root)
    assert _git(root, "rev-parse", "retrain/red-fox") == made
    assert _git(root, "diff", "--name-only", start.commit, made).splitlines() == [
        "dvc.lock",
        "reports/metrics.json",
    ]
    assert _git(root, "log", "-1", "--format=%an %s", made) == "wsdkd retraining Retrain red-fox"
    # The working tree, its index and its branch are as they were.
    assert _git(root, "rev-parse", "--abbrev-ref", "HEAD") == "main"
    assert _git(root, "status", "--porcelain") == "?? dvc.lock"
    with pytest.raises(CommitError, match="git update-ref"):
        commit_run(start, "retrain/red-fox", "Again", root=root)


def test_a_tree_that_changed_during_the_run_is_not_committed(root: Path) -> None:
    start = read_start(root=root)
    (root / "params.yaml").write_text("a: 2\n")
    with pytest.raises(CommitError, match=r"retrain/a: changed during the run: params\.yaml"):
        commit_run(start, "retrain/a", "A", root=root)
    identity = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    _git(root, *identity, "commit", "--quiet", "--all", "-m", "Two")
    with pytest.raises(CommitError, match="was checked out during the run"):
        commit_run(start, "retrain/a", "A", root=root)
    assert "retrain" not in _git(root, "branch", "--list", "--all")


def test_a_branch_has_a_name_that_git_takes_and_none_has_yet(root: Path) -> None:
    start = read_start(root=root)
    names = []
    for run_name in ("red-fox", "red-fox", "my run: ~1..", "..."):
        names.append(branch_of(run_name, root))
        commit_run(start, names[-1], "Retrain", root=root)
    assert names == ["retrain/red-fox", "retrain/red-fox-2", "retrain/my-run-1", "retrain/run"]


def test_the_metrics_of_a_run_that_is_checked_out_may_change(root: Path) -> None:
    commit_run(read_start(root=root), "retrain/a", "A", root=root)
    _git(root, "checkout", "--quiet", "--force", "retrain/a")
    (root / "reports/metrics.json").write_text('{"other": 1}')
    start = read_start(root=root)
    require_clean(start)
    assert commit_run(start, "retrain/b", "B", root=root)

import subprocess
from pathlib import Path

import pytest

from wsdkd.serving.provenance import working_code


def git(folder: Path, *arguments: str) -> str:
    author = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(folder), *author, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    for name in ("kept.py", "moved.py", "changed one.py", "dvc.lock"):
        (tmp_path / name).write_text(f"{name} has some lines\n" * 9)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "First")
    return tmp_path


def test_a_clean_tree(folder: Path) -> None:
    code = working_code(folder, "nightly")
    assert (code.commit, code.dirty, code.run) == (git(folder, "rev-parse", "HEAD"), (), "nightly")


def test_changed_moved_and_new_files_are_dirty(folder: Path) -> None:
    (folder / "changed one.py").write_text("other\n")
    (folder / "dvc.lock").write_text("every run changes it\n")
    (folder / "n\u00e4w.py").write_text("new\n")
    git(folder, "mv", "moved.py", "there.py")
    assert working_code(folder, None).dirty == ("changed one.py", "moved.py", "n\u00e4w.py", "there.py")


def test_another_files_ending_is_no_lock_and_a_project_may_lie_below_the_top(folder: Path) -> None:
    below = folder / "nested/project"
    (below / "reports").mkdir(parents=True)
    for name in ("dvc.lock", "reports/metrics.json", "my_dvc.lock", "reports/old.reports/metrics.json"):
        (below / name).parent.mkdir(exist_ok=True)
        (below / name).write_text("new\n")
    (folder / "dvc.lock").write_text("of another project\n")
    git(folder, "add", ".")
    found = working_code(below, None).dirty
    assert found == (
        "dvc.lock",
        "nested/project/my_dvc.lock",
        "nested/project/reports/old.reports/metrics.json",
    )


def test_without_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert working_code(tmp_path, None).commit is None
    git(tmp_path, "init", "-q")
    assert working_code(tmp_path, None).commit is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert working_code(tmp_path, None).commit is None

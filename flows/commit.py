"""The Git commit that a run starts from, and the one that it leaves behind."""

import itertools
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.project import LOCK_FILE, METRICS, ROOT

AUTHOR = ("wsdkd retraining", "retrain@localhost")
"""Where Git knows no author."""


class CommitError(Exception):
    """The project is not in the state that a traceable run needs; the message says what to do."""


@dataclass(frozen=True)
class Start:
    """Where a run starts.

    Attributes:
        commit: its full name.
        branch: checked out, or HEAD.
        modified: files that differ from the commit, by their paths from the top of the repository, besides
            those that a run itself writes.
    """

    commit: str
    branch: str
    modified: tuple[str, ...]


def read_start(ignored: Sequence[str] = (), root: Path = ROOT) -> Start:
    """The commit that is checked out, and what differs from it.

    Args:
        ignored: further files that runs write: the imports that they update.
        root: the project.

    Raises:
        CommitError: there is no commit.
    """
    try:
        commit = _git(root, "rev-parse", "--verify", "HEAD")
    except CommitError:
        raise CommitError(
            f"{root}: no Git commit to start from; a run must be traceable to one: git init, git commit"
        ) from None
    # With -z names come unquoted: "XY path", where a file that was moved is an old one and a new one.
    shown = ("--porcelain", "-z", "--no-renames", "--untracked-files=all")
    listed = _git(root, "status", *shown, strip=False).split("\0")
    # Paths are those from the top of the repository, which the project may lie below.
    below = _git(root, "rev-parse", "--show-prefix")
    ours = {below + Path(path).as_posix() for path in (LOCK_FILE, str(METRICS), *ignored)}
    modified = tuple(entry[3:] for entry in listed if entry and entry[3:] not in ours)
    return Start(commit, _git(root, "rev-parse", "--abbrev-ref", "HEAD"), modified)


def require_clean(start: Start) -> None:
    """Refuse a working tree that is not that of its commit.

    Raises:
        CommitError: names the first files.
    """
    if start.modified:
        shown = ", ".join(start.modified[:5]) + (" ..." if len(start.modified) > 5 else "")
        raise CommitError(
            f"not committed: {shown}; a run must be traceable to a commit: commit or discard them, or "
            "start with --allow-dirty (and without --commit), and what is promoted says that it came "
            "from a dirty tree"
        )


def commit_run(
    start: Start, branch: str, message: str, updated: Sequence[str] = (), root: Path = ROOT
) -> str:
    """Commit what a run produced on a branch of its own; the working tree and its branch stay as they are.

    The commit holds dvc.lock, the metrics and the updated imports on top of the commit that the run
    started from: to check it out and ``dvc checkout`` (or ``dvc pull``) is to have the run again.

    Args:
        start: of the run.
        branch: created.
        message: of the commit.
        updated: .dvc files of updated imports.
        root: the project.

    Returns:
        The new commit.

    Raises:
        CommitError: meanwhile another commit was checked out, or files were changed.
    """
    now = read_start(updated, root)
    if now.commit != start.commit:
        raise CommitError(
            f"not committed on {branch}: {now.commit[:10]} was checked out during the run, which started "
            f"from {start.commit[:10]}"
        )
    if now.modified:
        raise CommitError(f"not committed on {branch}: changed during the run: {', '.join(now.modified[:5])}")
    files = [LOCK_FILE, *updated, *([METRICS.as_posix()] if (root / METRICS).exists() else [])]
    with tempfile.TemporaryDirectory() as folder:
        # An index of its own: whatever is staged stays staged.
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(root, "read-tree", start.commit, env=index)
        # Reports are ignored, as DVC keeps most of them; the metrics belong to the history.
        _git(root, "add", "--force", "--", *files, env=index)
        tree = _git(root, "write-tree", env=index)
    made = _git(root, "commit-tree", tree, "-p", start.commit, "-m", message, env=_author(root))
    _git(root, "update-ref", "-m", message, f"refs/heads/{branch}", made, "0" * 40)
    return made


def branch_of(run_name: str, root: Path = ROOT) -> str:
    """A branch for a run: named after it, and none that exists."""
    name = "retrain/" + (re.sub(r"[^0-9A-Za-z]+", "-", run_name).strip("-") or "run")
    taken = _git(root, "for-each-ref", "--format=%(refname:short)", "refs/heads/retrain").splitlines()
    names = itertools.chain([name], (f"{name}-{count}" for count in itertools.count(2)))
    return next(each for each in names if each not in taken)


def _author(root: Path) -> dict[str, str]:
    try:
        _git(root, "var", "GIT_AUTHOR_IDENT")
        _git(root, "var", "GIT_COMMITTER_IDENT")
    except CommitError:
        name, address = AUTHOR
        return {
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": address,
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": address,
        }
    return {}


def _git(root: Path, *arguments: str, env: dict[str, str] | None = None, strip: bool = True) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607
            cwd=root,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise CommitError("git: not found on the path; install it") from None
    if done.returncode:
        raise CommitError(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip() if strip else done.stdout

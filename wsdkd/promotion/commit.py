"""What Git says of the working directory."""

import subprocess
from pathlib import Path

from wsdkd.promotion.provenance import Code

# What runs of the pipeline write; the metrics are in Git on branches of the flow's runs.
WRITTEN_BY_RUNS = ("dvc.lock", "reports/metrics.json")


def working_code(folder: Path, run: str | None) -> Code:
    """The commit checked out in ``folder``, and the files that are not as in it.

    Where Git is missing, ``folder`` is in no repository or nothing is committed, the commit is None.

    Args:
        folder: of the project.
        run: name of the run.
    """
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        return Code(commit=None, dirty=(), run=run)
    # With -z names come unquoted; after a renamed file its old name follows as an entry of its own.
    entries = iter((_git(folder, "status", "--porcelain", "-z") or "").split("\0"))
    dirty = []
    for entry in entries:
        if "R" in entry[:2] or "C" in entry[:2]:
            next(entries)
        if entry and not entry[3:].endswith(WRITTEN_BY_RUNS):
            dirty.append(entry[3:])
    return Code(commit=head.strip(), dirty=tuple(sorted(dirty)), run=run)


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    except FileNotFoundError:
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None

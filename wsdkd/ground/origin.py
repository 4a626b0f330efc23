"""What something was made by: the commit that is checked out, packages, the processor."""

import os
import platform
import subprocess
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from wsdkd.ground.words import counted


@dataclass(frozen=True)
class Checkout:
    """What Git says of a folder.

    Attributes:
        commit: that is checked out; None outside of a repository, or before its first commit.
        changed: files that are not as in it, or new, by their paths from the top of the repository, sorted.
    """

    commit: str | None
    changed: tuple[str, ...]


def checkout(folder: Path, written: Collection[str] = ()) -> Checkout:
    """The commit in ``folder``, and what was changed since.

    Args:
        folder: of a project, at the top of a repository or below.
        written: files, relative to ``folder``, that do not count as changed: runs write them.
    """
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        return Checkout(None, ())
    prefix = (_git(folder, "rev-parse", "--show-prefix") or "").rstrip("\n")
    expected = {prefix + name for name in written}
    # With -z names come unquoted: "XY path", where a file that was moved is an old one and a new one.
    listed = (_git(folder, "status", "--porcelain", "-z", "--no-renames") or "").split("\0")
    changed = {entry[3:] for entry in listed if entry} - expected
    return Checkout(head.strip(), tuple(sorted(changed)))


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Of Python and of each of these packages, as they are installed."""
    return {"python": platform.python_version(), **package_versions(packages)}


def package_versions(packages: Iterable[str]) -> dict[str, str]:
    """Of each of these packages, as it is installed."""
    return {name: version(name) for name in packages}


def processor() -> str:
    """How many cores this process may use, and of which processor."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{counted(cores or 1, 'core')} of {_model()}"


def _model() -> str:
    # Linux alone says which processor it is where Python would only know its family.
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    except FileNotFoundError:
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None

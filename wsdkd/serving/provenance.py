"""Where a promoted student comes from: the code, the pipeline's state, the data, the weights.

What Git says of the working directory.
"""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import file_digest
from importlib import metadata
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from wsdkd.cache.manifest import MANIFEST, read_manifest
from wsdkd.ground.errors import UserError
from wsdkd.networks.description import DESCRIPTION, WEIGHTS
from wsdkd.serving.params import PromotionParams

PACKAGES = ("wsdkd", "torch", "torchvision", "timm")


@dataclass(frozen=True)
class Sources:
    """Files of the project that a promotion looks at."""

    params: Path
    images: Path
    classes: Path
    lock: Path
    cache: Path


class Code(BaseModel):
    """The code that a student was made by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    commit: str | None
    """None outside of a Git repository."""
    dirty: tuple[str, ...]
    """Files that were not as in the commit, ``dvc.lock`` aside, which every run changes."""
    run: str | None
    """What the run was called by who started it."""


class Weights(BaseModel):
    """A student known by its bytes: SHA-256 of its two files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: str
    description: str

    @classmethod
    def of(cls, folder: Path) -> "Weights":
        """Of the student in a folder.

        Raises:
            UserError: one of the files is missing.
        """
        return cls(weights=sha256(folder / WEIGHTS), description=sha256(folder / DESCRIPTION))


class Provenance(BaseModel):
    """``provenance.json`` of a promoted version; digests are SHA-256 in hexadecimal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: str
    """Of the promotion, UTC."""
    code: Code
    forced: bool
    """Promoted whatever the comparison said, or without any."""
    student: Weights
    dvc_lock: str | None
    data: str
    """Of ``images.parquet``, which holds a digest of every photograph."""
    cache: dict[str, str] | None
    """Fingerprint of the teacher's cache; None where there is none."""
    packages: dict[str, str]
    promotion: PromotionParams


def collect(
    sources: Sources, student: Weights, code: Code, promotion: PromotionParams, forced: bool
) -> Provenance:
    """Gather the provenance of a student that is promoted now.

    Raises:
        UserError: ``images.parquet`` is missing, or the cache's manifest is damaged.
    """
    has_cache = (sources.cache / MANIFEST).is_file()
    return Provenance(
        time=now(),
        code=code,
        forced=forced,
        student=student,
        dvc_lock=sha256(sources.lock) if sources.lock.is_file() else None,
        data=sha256(sources.images),
        cache=read_manifest(sources.cache).fingerprint if has_cache else None,
        packages={name: metadata.version(name) for name in PACKAGES},
        promotion=promotion,
    )


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def sha256(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        UserError: there is no such file.
    """
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run the stage that makes it: dvc repro") from None


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

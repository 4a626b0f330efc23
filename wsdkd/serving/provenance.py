"""Where a promoted student comes from: the code, the pipeline's state, the data, its own two files."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from wsdkd.evaluation.params import EvaluationParams, OperatingPointParams
from wsdkd.ground.digests import sha256
from wsdkd.ground.errors import UserError
from wsdkd.ground.origin import checkout, versions
from wsdkd.networks.description import DESCRIPTION, WEIGHTS
from wsdkd.serving.params import PromotionParams

PACKAGES = ("wsdkd", "torch", "torchvision", "timm")
WRITTEN_BY_RUNS = ("dvc.lock", "reports/metrics.json")
"""What runs of the pipeline write; the metrics are in Git on branches of the flow's runs."""


@dataclass(frozen=True)
class Sources:
    """Files of the project that a promotion looks at."""

    params: Path
    images: Path
    classes: Path
    lock: Path
    cache: Path
    baseline: Path


class Code(BaseModel):
    """The code that a student was made by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    commit: str | None
    """None outside of a Git repository."""
    dirty: tuple[str, ...]
    """Files that were not as in the commit, :data:`WRITTEN_BY_RUNS` aside."""
    run: str | None
    """What the run was called by who started it."""


class StudentDigests(BaseModel):
    """A student known by its bytes: SHA-256 of its two files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: str
    description: str

    @classmethod
    def of(cls, folder: Path) -> "StudentDigests":
        """Of the student in a folder.

        Raises:
            UserError: one of the files is missing.
        """
        return cls(
            weights=required_digest(folder / WEIGHTS), description=required_digest(folder / DESCRIPTION)
        )


class Provenance(BaseModel):
    """``provenance.json`` of a promoted version; digests are SHA-256 in hexadecimal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: str
    """Of the promotion, UTC."""
    code: Code
    forced: bool
    """Promoted whatever the comparison said, or without any."""
    student: StudentDigests
    dvc_lock: str | None
    """None where there is no ``dvc.lock``."""
    data: str
    """Of ``images.parquet``, in which every photograph has a digest."""
    cache: dict[str, str] | None
    """Fingerprint of the teacher's cache; None where there is none."""
    packages: dict[str, str]
    promotion: PromotionParams
    threshold: float | None = None
    """``evaluation.threshold``; None in what version 0.1 promoted."""
    operating_point: OperatingPointParams | None = Field(default_factory=OperatingPointParams)
    """``evaluation.operating_point``, by which thresholds of classes follow from the student's counts."""


def collect(
    sources: Sources,
    student: StudentDigests,
    code: Code,
    promotion: PromotionParams,
    evaluation: EvaluationParams,
    forced: bool,
) -> Provenance:
    """Gather the provenance of a student that is promoted now; see :class:`Provenance`.

    Raises:
        UserError: ``images.parquet`` is missing, or the cache's manifest is damaged.
    """
    return Provenance(
        time=now(),
        code=code,
        forced=forced,
        student=student,
        dvc_lock=sha256(sources.lock) if sources.lock.is_file() else None,
        data=required_digest(sources.images),
        cache=_fingerprint(sources.cache),
        packages=versions(PACKAGES),
        promotion=promotion,
        threshold=evaluation.threshold,
        operating_point=evaluation.operating_point,
    )


def _fingerprint(cache: Path) -> dict[str, str] | None:
    # Arrow comes with it, which whoever names a promoted student need not wait for.
    from wsdkd.cache.kept import read_kept
    from wsdkd.cache.manifest import MANIFEST, RUNNING, read_manifest

    if (cache / RUNNING).is_file():
        return read_kept(cache).fingerprint
    return read_manifest(cache).fingerprint if (cache / MANIFEST).is_file() else None


def working_code(folder: Path, run: str | None) -> Code:
    """The commit checked out in the project's ``folder``, what was changed since, and the run's name."""
    found = checkout(folder, written=WRITTEN_BY_RUNS)
    return Code(commit=found.commit, dirty=found.changed, run=run)


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def required_digest(path: Path) -> str:
    """SHA-256 of a file that a stage makes.

    Raises:
        UserError: there is no such file.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; run the stage that makes it: dvc repro")
    return sha256(path)

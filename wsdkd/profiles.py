"""A whole parameter file: every section typed, and the sections consistent with one another.

Stages never import this: each loads its own sections alone. It serves ``wsdkd profile``, which
refuses a file before anything runs, where a stage could only fail hours later.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsdkd import project
from wsdkd.cache.params import CacheParams
from wsdkd.datasets.params import DatasetParams, ScenesDataset
from wsdkd.distill.params import DistillFeaturesParams, DistillPredictionsParams
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.proposals.params import EdgeBoxesProposals, FileProposals, ProposalsParams
from wsdkd.serving.params import PromotionParams
from wsdkd.settings.sections import ParamsError, parse_section, read_params
from wsdkd.student.params import StudentParams
from wsdkd.teacher.params import TeacherParams

KINDS: dict[str, Any] = {
    "dataset": DatasetParams,
    "proposals": ProposalsParams,
    "teacher": TeacherParams,
    "cache": CacheParams,
    "student": StudentParams,
    "distill_features": DistillFeaturesParams,
    "distill_predictions": DistillPredictionsParams,
    "evaluation": EvaluationParams,
    "promotion": PromotionParams,
}

SCENES_ROOT = project.SCENES.as_posix()
INPUTS = Path("inputs")
"""Where files that a parameter names must lie: DVC watches these folders; see inputs/README.md."""


@dataclass(frozen=True)
class Profile:
    """All sections of one parameter file."""

    dataset: DatasetParams
    proposals: ProposalsParams
    teacher: TeacherParams
    cache: CacheParams
    student: StudentParams
    distill_features: DistillFeaturesParams
    distill_predictions: DistillPredictionsParams
    evaluation: EvaluationParams
    promotion: PromotionParams


def load_profile(path: Path) -> Profile:
    """Read and check a parameter file; see :func:`parse_profile`."""
    return parse_profile(read_params(path), path)


def parse_profile(data: dict[str, Any], source: Path) -> Profile:
    """Validate all sections, then what holds between them.

    Raises:
        ParamsError: one line a refused key, over all sections.
    """
    sections: dict[str, Any] = {}
    lines: list[str] = []
    for name, kind in KINDS.items():
        try:
            sections[name] = parse_section(data, name, kind, source)
        except ParamsError as error:
            lines += str(error).splitlines()
    if not lines:
        lines = [f"{source}: {line}" for line in _conflicts(Profile(**sections), data)]
    if lines:
        raise ParamsError("\n".join(lines))
    return Profile(**sections)


def _conflicts(profile: Profile, data: dict[str, Any]) -> Iterator[str]:
    """What is wrong between sections, or between a section and dvc.yaml."""
    if "draw" not in data["dataset"]:
        yield "dataset.draw: this key is missing, and dvc.yaml reads it; allowed: [] or, for scenes, [scenes]"
    drawn = isinstance(profile.dataset, ScenesDataset)
    if drawn and profile.dataset.root != SCENES_ROOT:
        yield f"dataset.root: scenes are drawn into {SCENES_ROOT}, got {profile.dataset.root!r}"

    if profile.teacher.proposals > profile.proposals.max_boxes:
        yield (
            f"teacher.proposals: should be at most proposals.max_boxes ({profile.proposals.max_boxes}), "
            f"got {profile.teacher.proposals}"
        )
    kept, used = profile.cache.rois, profile.distill_features.rois
    if kept != "all" and used is not None and used > kept:
        yield f"distill_features.rois: should be at most cache.rois ({kept}), got {used}"

    proposals = profile.proposals
    if isinstance(proposals, FileProposals):
        yield from _unwatched("proposals.path", proposals.path, INPUTS / "proposals")
    if isinstance(proposals, EdgeBoxesProposals):
        model = proposals.structured_edge_model
        yield from _unwatched("proposals.structured_edge_model", model, INPUTS / "proposals")
    for role, network in (("teacher", profile.teacher.network), ("student", profile.student.network)):
        weights = None if network.weights == "imagenet" else network.weights
        yield from _unwatched(f"{role}.network.weights", weights, INPUTS / "weights" / role)


def _unwatched(key: str, file: str | None, folder: Path) -> Iterator[str]:
    if file is not None and folder not in Path(file).parents:
        yield f"{key}: a file it names should lie below {folder}/, which DVC watches, got {file!r}"

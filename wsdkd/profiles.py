"""A whole parameter file: every section typed, and the sections consistent; a profile with changes.

Stages never import this: each loads its own sections alone. It serves ``wsdkd profile``, which
refuses a file before anything runs, where a stage could only fail hours later.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter

from wsdkd import project
from wsdkd.cache.params import CacheParams
from wsdkd.datasets.params import DatasetParams, ScenesDataset
from wsdkd.distill.params import DistillFeaturesParams, DistillPredictionsParams
from wsdkd.doubts.params import DoubtsParams
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.proposals.params import EdgeBoxesProposals, FileProposals, ProposalsParams
from wsdkd.serving.params import PromotionParams
from wsdkd.settings.sections import ParamsError, parse_params, parse_section, read_params
from wsdkd.settings.yaml_text import typed_value
from wsdkd.student.params import BaselineParams, StudentParams
from wsdkd.teacher.params import TeacherParams
from wsdkd.training.params import TrackingParams

KINDS: dict[str, Any] = {
    "dataset": DatasetParams,
    "proposals": ProposalsParams,
    "teacher": TeacherParams,
    "cache": CacheParams,
    "student": StudentParams,
    "baseline": BaselineParams,
    "distill_features": DistillFeaturesParams,
    "distill_predictions": DistillPredictionsParams,
    "evaluation": EvaluationParams,
    "doubts": DoubtsParams,
    "promotion": PromotionParams,
    "tracking": TrackingParams,
}

PROFILES = Path("profiles")
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
    baseline: BaselineParams
    distill_features: DistillFeaturesParams
    distill_predictions: DistillPredictionsParams
    evaluation: EvaluationParams
    doubts: DoubtsParams
    promotion: PromotionParams
    tracking: TrackingParams


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
    if "listed" not in data["dataset"]:
        yield (
            "dataset.listed: this key is missing, and dvc.yaml reads it; allowed: {}, or {photographs: PATH} "
            f"with root: {project.LISTING}"
        )
    if "folds" not in data["doubts"]:
        yield "doubts.folds: this key is missing, and dvc.yaml reads it; allowed: [] or one number, as [3]"
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

    yield from _unwatched("dataset.corrections", profile.dataset.corrections, project.CORRECTIONS)
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


def customised(text: str, changes: list[str], source: Path) -> str:
    """The text of a profile with ``changes`` made; comments and order stay.

    Args:
        text: of the profile.
        changes: each ``section.key=value`` (or ``section.key.key=value``); what the value means says
            :func:`wsdkd.settings.yaml_text.typed_value`.
        source: named in messages.

    Raises:
        ParamsError: a change is not of that form, or the outcome is refused.
    """
    if changes:
        parse_params(text, source)  # which bounds what the text becomes
        yaml = YAML()
        yaml.Representer = _Representer
        yaml.preserve_quotes = True
        yaml.width = 110
        data = yaml.load(text)
        for change in changes:
            _apply(data, change)
        buffer = io.StringIO()
        yaml.dump(data, buffer)
        text = buffer.getvalue()
    try:
        parse_profile(parse_params(text, source), source)
    except ParamsError:
        _explain_choice(changes)
        raise
    return text


def _explain_choice(changes: Sequence[str]) -> None:
    """Refuse a change of a key whose choice brings other keys with it.

    Raises:
        ParamsError: says which profiles have that choice.
    """
    for change in changes:
        section, _, rest = change.partition("=")[0].strip().partition(".")
        value = change.partition("=")[2].strip()
        if TypeAdapter(KINDS[section]).json_schema().get("discriminator", {}).get("propertyName") != rest:
            continue
        known = [
            path.stem for path in sorted(PROFILES.glob("*.yaml")) if _choice(path, section, rest) == value
        ]
        begin = known[0] if known else "NAME"
        raise ParamsError(
            f"--set {change}: this choice brings other keys with it; "
            + (f"profiles that have it: {', '.join(known)}; " if known else "")
            + f"begin with one, or write your own: wsdkd profile show {begin} > mine.yaml, edit it, "
            "wsdkd profile use mine.yaml"
        )


def _choice(path: Path, section: str, key: str) -> Any:
    try:
        return (read_params(path).get(section) or {}).get(key)
    except ParamsError:
        return None


class _Representer(RoundTripRepresenter):
    """Writes null as null; the default leaves the place after the key empty."""


_Representer.add_representer(
    type(None), lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null")
)


def _apply(data: Any, change: str) -> None:
    key, sign, text = change.partition("=")
    steps = key.strip().split(".")
    if not sign or len(steps) < 2 or not all(steps):
        raise ParamsError(f"--set {change}: expected section.key=value")
    if steps[0] not in KINDS:
        raise ParamsError(f"--set {change}: {steps[0]}: unknown section; allowed: {', '.join(KINDS)}")
    value = typed_value(text)
    if isinstance(value, list):
        value = CommentedSeq(value)
        value.fa.set_flow_style()  # in one line, with its comment behind it
    here = data
    for step in steps[:-1]:
        if not isinstance(here.get(step), dict):
            here[step] = CommentedMap()
        here = here[step]
    here[steps[-1]] = value

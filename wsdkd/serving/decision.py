"""Whether a student takes the place of the promoted one: a decision on scores, with its reasons."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from wsdkd.average_precision import average_precisions, mean_over_classes
from wsdkd.evaluation.bootstrap import DRAWS, f1_gain_interval, gain_interval
from wsdkd.evaluation.thresholded import precision_recall_f1, predicted_above
from wsdkd.serving.params import PromotionParams
from wsdkd.settings.sections import PARAMS_FILE, ParamsError

TAIL_DRAWS = 50
"""At least half as many draws lie beyond each end of the interval: few would make it a matter of luck."""

CHOSEN = "chosen_"
"""Before the name of a figure at a student's own operating point."""

NOT_FINITE = "its scores are not finite; train it with a lower learning rate"


class ClassChange(BaseModel):
    """AP in percent of a class that matters, None without a positive; ``loss`` in points."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidate: float | None
    promoted: float | None
    loss: float | None


class Decision(BaseModel):
    """What was decided, and on what; figures are in percent, None where nothing was measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decision: Literal["promoted", "refused", "unchanged"]
    version: int | None = None
    """The promoted version after the decision; None where there is none."""
    reasons: tuple[str, ...]
    metric: str
    candidate: dict[str, float] | None = None
    promoted: dict[str, float] | None = None
    """Of the student promoted until now."""
    difference: float | None = None
    """Candidate less promoted, in points of the metric."""
    interval: tuple[float, float] | None = None
    classes: dict[str, ClassChange] = {}
    """Those that matter."""
    split_size: int | None = None
    """Validation images."""


class Scored(NamedTuple):
    """What a student says of the validation images.

    Attributes:
        scores: (N, K).
        thresholds: (K,), above which it gives a label of each class at its operating point.
    """

    scores: np.ndarray
    thresholds: np.ndarray


def check_classes(params: PromotionParams, names: Sequence[str]) -> None:
    """Refuse a class that matters and is none of ``names``.

    Raises:
        ParamsError: names the class and those that are allowed.
    """
    for place, name in enumerate(params.classes):
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise ParamsError(
                f"{PARAMS_FILE}: promotion.classes.{place}: no class {name!r}; "
                f"{hint}allowed: {', '.join(names)}"
            )


def decide(
    candidate: Scored,
    promoted: Scored | None,
    names: Sequence[str],
    labels: np.ndarray,
    known: np.ndarray,
    params: PromotionParams,
    threshold: float,
) -> Decision:
    """Promote or refuse a student by its scores on the validation split.

    It is promoted when the lower end of the paired bootstrap interval of its lead exceeds the margin
    and no class that matters loses more AP than it may, or when no student is promoted yet.

    Args:
        candidate: what it says.
        promoted: what the promoted student says of the same images, or None.
        names: of the K classes.
        labels: (N, K), 1 where a class is present.
        known: bool (N, K), False where the label is ignored.
        params: what is asked for.
        threshold: of CF1 and OF1; a label is predicted when its score is above it.

    Returns:
        ``promoted`` or ``refused``, without a version.

    Raises:
        ParamsError: as :func:`check_classes`.
        ValueError: the shapes differ, or a score of ``promoted`` is not finite.
    """
    check_classes(params, names)
    nothing = _unmeasurable(candidate.scores, labels, known)
    if nothing is not None:
        return Decision(decision="refused", reasons=(nothing,), metric=params.metric, split_size=len(labels))
    after = average_precisions(candidate.scores, labels, known)
    figures = _figures(after, candidate, labels, known, threshold)
    if promoted is None:
        return Decision(
            decision="promoted",
            reasons=("there is no promoted student to compare it with",),
            metric=params.metric,
            candidate=figures,
            split_size=len(labels),
        )
    before = average_precisions(promoted.scores, labels, known)
    figures_before = _figures(before, promoted, labels, known, threshold)
    difference = figures[params.metric] - figures_before[params.metric]
    low, high = _interval(promoted, candidate, labels, known, params, threshold)
    changes = {name: _change(after, before, names.index(name)) for name in params.classes}
    lead = (
        f"{params.metric} {figures[params.metric]:.2f} against {figures_before[params.metric]:.2f} %: "
        f"{difference:+.2f} points, {100 * params.confidence:g} % interval {low:+.2f} to {high:+.2f}"
    )
    against = [_objection(name, change, params) for name, change in changes.items()]
    reasons = [reason for reason in against if reason is not None]
    margin = f"the margin of {params.margin:g} points"
    if not low > params.margin:
        reasons = [f"{lead}, whose lower end is not above {margin}", *reasons]
    return Decision(
        decision="refused" if reasons else "promoted",
        reasons=tuple(reasons) or (f"{lead}, whose lower end is above {margin}",),
        metric=params.metric,
        candidate=figures,
        promoted=figures_before,
        difference=difference,
        interval=(low, high),
        classes=changes,
        split_size=len(labels),
    )


def against_baseline(student: Decision, baseline: Decision) -> str:
    """What a first promotion should know: a student may be worse than the same network without a teacher.

    Args:
        student: what was decided on it, with its figures.
        baseline: the same of its baseline.
    """
    own, other = student.candidate, baseline.candidate
    if own is None or other is None:
        return "its baseline cannot be scored, so nothing says that distillation has helped"
    ours, theirs = own[student.metric], other[student.metric]
    figures = f"{student.metric} {ours:.2f} % on the validation images, its own baseline {theirs:.2f} %"
    return figures if ours > theirs else f"warning: {figures}: without a teacher it does as well, or better"


def _unmeasurable(candidate: np.ndarray, labels: np.ndarray, known: np.ndarray) -> str | None:
    if not len(labels):
        return "the validation split has no image, so nothing can be compared"
    if not ((labels > 0) & known).any():
        return "no image of the validation split has a label, so nothing can be compared"
    return None if np.isfinite(candidate).all() else NOT_FINITE


def _figures(
    precisions: np.ndarray, said: Scored, labels: np.ndarray, known: np.ndarray, threshold: float
) -> dict[str, float]:
    above = precision_recall_f1(predicted_above(said.scores, known, threshold), labels, known)
    chosen = precision_recall_f1(predicted_above(said.scores, known, said.thresholds), labels, known)
    return {
        "mAP": mean_over_classes(precisions),
        **above,
        **{f"{CHOSEN}{name}": value for name, value in chosen.items()},
    }


def _interval(
    promoted: Scored,
    candidate: Scored,
    labels: np.ndarray,
    known: np.ndarray,
    params: PromotionParams,
    threshold: float,
) -> tuple[float, float]:
    draws = max(DRAWS, round(TAIL_DRAWS / (1 - params.confidence)))
    level = params.confidence
    if params.metric == "mAP":
        return gain_interval(promoted.scores, candidate.scores, labels, known, draws=draws, level=level)
    chosen = params.metric.startswith(CHOSEN)
    return f1_gain_interval(
        promoted.scores,
        candidate.scores,
        labels,
        known,
        name="CF1" if params.metric.endswith("CF1") else "OF1",
        thresholds=(promoted.thresholds, candidate.thresholds) if chosen else (threshold, threshold),
        draws=draws,
        level=level,
    )


def _change(after: np.ndarray, before: np.ndarray, k: int) -> ClassChange:
    if np.isnan(after[k]):
        return ClassChange(candidate=None, promoted=None, loss=None)
    return ClassChange(candidate=float(after[k]), promoted=float(before[k]), loss=float(before[k] - after[k]))


def _objection(name: str, change: ClassChange, params: PromotionParams) -> str | None:
    if change.loss is None:
        return (
            f"class {name}: no validation image has it, so its loss is unknown; "
            "add some, or take it out of promotion.classes"
        )
    if change.loss > params.max_class_loss:
        return (
            f"class {name}: AP {change.candidate:.2f} against {change.promoted:.2f} %, "
            f"a loss above {params.max_class_loss:g} points"
        )
    return None

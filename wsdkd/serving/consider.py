"""A student put before the promoted one: unchanged, refused or promoted.

What was refused is kept, so that the same question gets the same answer without a measurement.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wsdkd.data.photographs import photographs_folder
from wsdkd.data.tables import ImageRow, read_classes, read_images, targets
from wsdkd.evaluation.operating_point import operating_point
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.ground.digests import digest
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file
from wsdkd.ground.reading import read_json
from wsdkd.networks.description import read_description
from wsdkd.networks.params import InferencePrecision
from wsdkd.serving.decision import NOT_FINITE, Decision, Scored, against_baseline, check_classes, decide
from wsdkd.serving.ledger import Ledger
from wsdkd.serving.params import PromotionParams
from wsdkd.serving.provenance import Code, Sources, StudentDigests, collect, required_digest
from wsdkd.serving.store import Store
from wsdkd.settings.sections import load_section
from wsdkd.student.params import StudentParams
from wsdkd.student.validation import read_validation

BATCH_SIZE = 32
DECISIONS, KEPT = "decisions.json", 100


def consider(student: Path, store: Store, sources: Sources, code: Code, *, force: bool = False) -> Decision:
    """Decide on a student by the validation split as it is now, and promote it if it may be.

    Torch is not even loaded where nothing must be measured: the student is the promoted one, was
    refused under the same circumstances, or cannot be compared.

    Args:
        student: folder of it.
        store: of the promoted ones.
        sources: the project's files.
        code: what it was made by.
        force: promote it whatever the comparison says, unless it is the promoted one already or its
            scores are not finite.

    Raises:
        UserError: a file is missing or damaged, or a parameter is refused.
    """
    # Before anything is written: in a wrong folder there is no student.
    names = _classes(student, sources)
    params = load_section("promotion", PromotionParams, sources.params)
    check_classes(params, names)
    with store.only_one():
        ledger = store.ledger()
        weights = StudentDigests.of(student)
        damage = None if ledger.current is None else store.damage(ledger.current)
        if damage is not None and not force:
            raise UserError(
                f"{damage}; go back to a version that is whole (wsdkd promoted rollback), "
                "or promote this student without a comparison (--force)"
            )
        current = ledger.current if damage is None else None
        if current is not None and store.provenance(current).student == weights:
            reason = f"{student} is the promoted version {current}"
            return Decision(decision="unchanged", version=current, reasons=(reason,), metric=params.metric)
        incomparable = _incomparable(student, names, store, current)
        objection = _rolled_back(weights, store, ledger) or incomparable
        if objection is not None and not force:
            return Decision(
                decision="refused", version=ledger.current, reasons=(objection,), metric=params.metric
            )
        evaluation = load_section("evaluation", EvaluationParams, sources.params)
        key = _circumstances(weights, store, current, sources, params, evaluation)
        known = None if force else _recall(store.folder, key)
        if known is not None:
            return known
        against = None if current is None or incomparable is not None else store.path(current)
        decision = _measured(student, against, names, sources, params, evaluation)
        if StudentDigests.of(student) != weights:
            raise UserError(f"{student}: changed while it was measured; run the command again")
        if force:
            decision = _forced(decision, [reason for reason in (damage, objection) if reason])
        if decision.decision == "refused":
            decision = decision.model_copy(update={"version": ledger.current})
            _record(store.folder, key, decision)
            return decision
        decision = decision.model_copy(update={"version": store.next_version()})
        store.add(student, decision, collect(sources, weights, code, params, evaluation, force))
        return decision


def _classes(student: Path, sources: Sources) -> list[str]:
    """The classes of the student, which must be those of the data that it is measured on."""
    _, names = read_description(student, "student", StudentParams)
    if names != read_classes(sources.classes):
        raise UserError(f"{student}: trained on other classes than {sources.classes}; run: dvc repro")
    return names


def _incomparable(student: Path, names: list[str], store: Store, current: int | None) -> str | None:
    if current is None:
        return None
    _, before = read_description(store.path(current), "student", StudentParams)
    if before == names:
        return None
    new, gone = [name for name in names if name not in before], [name for name in before if name not in names]
    what = "; ".join(f"{text}: {', '.join(each)}" for text, each in (("new", new), ("gone", gone)) if each)
    return (
        f"{student} has other classes than version {current} ({what or 'in another order'}), "
        "so they cannot be compared; --force promotes it all the same"
    )


def _rolled_back(weights: StudentDigests, store: Store, ledger: Ledger) -> str | None:
    # Or a run that promotes after every training would undo each rollback.
    for version, time in ledger.rolled_back().items():
        if store.path(version).is_dir() and store.provenance(version).student == weights:
            return (
                f"it is version {version}, which was rolled back at {time}; --force promotes it all the same"
            )
    return None


def _circumstances(
    weights: StudentDigests,
    store: Store,
    current: int | None,
    sources: Sources,
    params: PromotionParams,
    evaluation: EvaluationParams,
) -> str:
    """Digest of all that a decision depends on."""
    return digest(
        {
            "student": weights.model_dump(),
            "promoted": None
            if current is None
            else [current, store.provenance(current).student.model_dump()],
            "images": required_digest(sources.images),
            "classes": required_digest(sources.classes),
            "promotion": params.model_dump(mode="json"),
            "threshold": evaluation.threshold,
            "precision": evaluation.precision,
            "operating_point": evaluation.model_dump(mode="json")["operating_point"],
        }
    )


def _measured(
    student: Path,
    promoted: Path | None,
    names: list[str],
    sources: Sources,
    params: PromotionParams,
    evaluation: EvaluationParams,
) -> Decision:
    rows = read_images(sources.images, "val", num_classes=len(names))
    root = photographs_folder(sources.images, sources.params)
    labels, known = targets(rows, len(names))

    def scored(folder: Path, description: str) -> Scored:
        point = operating_point(read_validation(folder, names), len(names), evaluation)
        scores = _scores(folder, rows, root, evaluation.precision, f"{description} on validation images")
        return Scored(scores, point.score_thresholds)

    def decided(candidate: Path, description: str, before: Scored | None = None) -> Decision:
        said = scored(candidate, description)
        return decide(said, before, names, labels, known, params, evaluation.threshold)

    decision = decided(student, "student", None if promoted is None else scored(promoted, "promoted"))
    if promoted is not None or decision.decision != "promoted":
        return decision
    if not _is_of(sources.baseline, names):
        doubt = f"nor is there a baseline of these classes in {sources.baseline}"
    else:
        doubt = against_baseline(decision, decided(sources.baseline, "baseline"))
    return decision.model_copy(update={"reasons": (*decision.reasons, doubt)})


def _is_of(folder: Path, names: list[str]) -> bool:
    """Whether a folder holds a student of these classes."""
    try:
        return read_description(folder, "student", StudentParams)[1] == names
    except UserError:
        return False


def _scores(
    student: Path, rows: Sequence[ImageRow], root: Path, precision: InferencePrecision, description: str
) -> np.ndarray:
    """Scores of each label on each image, float32 (N, K), by the student in a folder."""
    # Torch takes seconds to load, which a decision without a measurement need not cost.
    import torch
    from accelerate import PartialState

    from wsdkd.student.network import load_student
    from wsdkd.student.run import student_scores

    device = PartialState(cpu=not torch.cuda.is_available()).device
    return student_scores(
        load_student(student),
        rows,
        root,
        batch_size=BATCH_SIZE,
        device=device,
        precision=precision,
        description=description,
    )


def _forced(decision: Decision, overridden: Sequence[str]) -> Decision:
    """The decision after --force, with all that spoke against it."""
    if NOT_FINITE in decision.reasons:
        return decision
    reasons = tuple(overridden)
    if decision.promoted is not None or decision.decision == "refused" or not overridden:
        reasons += decision.reasons
    if overridden or decision.decision == "refused":
        reasons += ("promoted all the same: --force",)
    return decision.model_copy(update={"decision": "promoted", "reasons": reasons})


def _recall(folder: Path, key: str) -> Decision | None:
    """The decision recorded under ``key`` below ``folder``, if there is one."""
    found = _refusals(folder).get(key)
    try:
        return None if found is None else Decision.model_validate_json(json.dumps(found))
    except ValueError:
        return None  # of another version of the program: measured again


def _record(folder: Path, key: str, decision: Decision) -> None:
    """Keep a decision under ``key``, a digest of all that it depends on; only the last are kept."""
    decisions = _refusals(folder)
    decisions.pop(key, None)
    decisions[key] = decision.model_dump(mode="json")
    kept = dict(list(decisions.items())[-KEPT:])
    with publish_file(folder / DECISIONS) as aside:
        aside.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _refusals(folder: Path) -> dict[str, Any]:
    # A damaged file costs a measurement, nothing else.
    try:
        found = read_json(folder / DECISIONS)
    except UserError:
        return {}
    return found if isinstance(found, dict) else {}

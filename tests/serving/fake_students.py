"""Folders that pass for students where nothing looks into the weights."""

from pathlib import Path

from wsdkd.networks.description import DESCRIPTION, WEIGHTS
from wsdkd.serving.decision import Decision
from wsdkd.serving.params import PromotionParams
from wsdkd.serving.provenance import Code, Provenance, StudentDigests
from wsdkd.serving.store import Store


def fake_student(folder: Path, content: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_text(content)
    (folder / DESCRIPTION).write_text("{}")
    return folder


def provenance(student: Path) -> Provenance:
    return Provenance(
        time="2026-01-02T03:04:05+00:00",
        code=Code(commit=None, dirty=(), run=None),
        forced=False,
        student=StudentDigests.of(student),
        dvc_lock=None,
        data="d" * 64,
        cache=None,
        packages={},
        promotion=PromotionParams(),
    )


def promote(store: Store, student: Path) -> int:
    """Promote without a comparison; the version it gets."""
    with store.only_one():
        version = store.next_version()
        store.add(student, decision(version), provenance(student))
    return version


def decision(version: int) -> Decision:
    return Decision(
        decision="promoted", version=version, reasons=("first",), metric="mAP", candidate={"mAP": 50.0}
    )

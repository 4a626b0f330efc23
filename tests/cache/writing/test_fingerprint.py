from dataclasses import replace
from pathlib import Path

import pytest

from tests.cache import synthetic_teacher as synthetic
from wsdkd.cache.format import CacheError
from wsdkd.cache.manifest import PARTS, describe, differences
from wsdkd.cache.params import CacheParams
from wsdkd.cache.writing.fingerprint import common_fingerprint, shard_fingerprint
from wsdkd.teacher.params import TeacherParams

TEACHER = {
    "network": {"backbone": "resnet18"},
    "input_size": 96,
    "train_sizes": [96],
    "training": {"epochs": 1},
}


def parts(tmp_path: Path, **changes: object) -> dict[str, str]:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(changes.pop("weights", b"weights"))  # type: ignore[arg-type]
    classes = changes.pop("classes", ["cat", "dog"])
    cache = CacheParams.model_validate(
        {"rois": changes.pop("rois", "all"), "folder": changes.pop("folder", "data/teacher_cache")}
    )
    precision = changes.pop("precision", "fp32")
    teacher = TeacherParams.model_validate({**TEACHER, "train_sizes": (96,), **changes})
    found = common_fingerprint(
        weights=weights,
        teacher=teacher,
        classes=classes,
        cache=cache,
        precision=precision,  # type: ignore[arg-type]
    )
    return found.parts


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"weights": b"others"}, ["teacher_weights"]),
        ({"classes": ["dog", "cat"]}, ["classes"]),
        ({"input_size": 128}, ["teacher_forward"]),
        ({"proposals": 100}, ["teacher_forward"]),
        ({"roi": {"objectness": False}}, ["teacher_forward"]),
        ({"network": {"backbone": "resnet34"}}, ["teacher_forward"]),
        ({"network": {"backbone": "resnet18", "weights": None}}, []),
        ({"training": {"epochs": 9}}, []),
        ({"test_sizes": (96, 128)}, []),
        ({"rois": 7}, ["cache"]),
        ({"folder": "inputs/teacher_cache"}, []),
        ({"precision": "bf16"}, ["teacher_forward"]),
    ],
)
def test_each_input_has_its_name(tmp_path: Path, changes: dict[str, object], expected: list[str]) -> None:
    assert differences(parts(tmp_path, **changes), parts(tmp_path)) == expected


def test_images_labels_and_proposals_are_told_apart() -> None:
    rows = synthetic.make_rows(6)
    proposals = synthetic.make_proposals(rows)

    def changed(*now: object, best: int = 500, of: object = proposals) -> list[str]:
        return differences(
            shard_fingerprint([*now, *rows[len(now) :]], of, best),  # type: ignore[list-item, arg-type]
            shard_fingerprint(rows, proposals, 500),
        )

    assert changed() == []
    assert changed(synthetic.repainted(rows[0])) == ["images"]
    assert changed(replace(rows[0], labels=(1, 2))) == ["labels"]
    assert changed(replace(rows[0], ignored=(4,), path="moved.jpg")) == []
    assert changed(best=2) == ["proposals"]
    moved = replace(proposals, flat_boxes=proposals.flat_boxes + 1)
    assert changed(of=moved) == ["proposals"]
    with pytest.raises(CacheError, match="no proposals for image img-0006"):
        shard_fingerprint(synthetic.make_rows(7), proposals, 500)


def test_differences_are_told_in_words() -> None:
    assert describe(["outputs", "images"]).endswith("(outputs), the images (images)")
    assert differences({}, dict.fromkeys(PARTS, "")) == list(PARTS)

from pathlib import Path

import numpy as np
import pytest

from tests.cache import synthetic_teacher as synthetic
from wsdkd.cache.format import ARRAYS
from wsdkd.cache.params import CacheParams
from wsdkd.cache.writing.build import CacheBuilder
from wsdkd.cache.writing.estimate import assumed_size, planned_size, written_size
from wsdkd.cache.writing.fingerprint import CommonFingerprint
from wsdkd.teacher.params import TeacherParams
from wsdkd.teacher.run import ImageRegions

TEACHER = TeacherParams.model_validate_json(
    '{"network": {}, "input_size": 96, "train_sizes": [96], "proposals": 40, "hidden": 192,'
    ' "training": {"epochs": 1}}'
)
CLASSES = [f"class {number}" for number in range(20)]


def write(folder: Path, scratch: Path, count: int, params: CacheParams) -> tuple[list, object]:  # type: ignore[type-arg]
    rows = synthetic.make_rows(count)
    proposals = synthetic.make_proposals(rows, most=60)

    def forward(rows, _):  # type: ignore[no-untyped-def]
        for row in rows:
            boxes, objectness = proposals.of(row.image_id, TEACHER.proposals)
            shape = (len(boxes), len(CLASSES))
            rng = np.random.default_rng(int(row.image_id[-4:]))
            logits = rng.normal(0, 1, (2, *shape)).astype(np.float32)
            features = np.ones((len(boxes), TEACHER.hidden), np.float32)
            yield ImageRegions(row.image_id, boxes, objectness, logits[0], logits[1], features)

    common = CommonFingerprint(synthetic.PARTS, {"cache": params.model_dump(mode="json")})
    made = CacheBuilder(rows, CLASSES, proposals, TEACHER.proposals, params, common)
    made.write(folder, scratch, forward, synthetic.OneProcess())
    return rows, proposals


@pytest.mark.parametrize(("count", "ranking"), [(60, "scores"), (400, "scores"), (400, "support")])
@pytest.mark.parametrize("rois", ["all", 8])
@pytest.mark.parametrize("shard_images", [50, 4096])
@pytest.mark.parametrize("bits", [16, 8])
def test_the_estimate_is_right_to_five_percent(
    tmp_path: Path, count: int, rois: int | str, shard_images: int, bits: int, ranking: str
) -> None:
    params = CacheParams.model_validate(
        {"rois": rois, "shard_images": shard_images, "nms_iou": 0.5, "bits": bits, "ranking": ranking}
    )
    rows, proposals = write(tmp_path / "cache", tmp_path / "scratch", count, params)
    size = planned_size(rows, len(CLASSES), proposals, TEACHER, params)  # type: ignore[arg-type]
    assert size.total == pytest.approx(written_size(tmp_path / "cache"), rel=0.05)


def test_the_parts_add_up_by_hand() -> None:
    size = assumed_size(1000, 80, 500, 4096, CacheParams(rois=30))
    parts = size.parts()
    assert parts["features"] == pytest.approx(1000 * 2 * 30 * 4096 * 2, rel=0.01)
    assert parts["logits"] == pytest.approx(1000 * 2 * 500 * 2 * 80 * 2, rel=0.01)
    assert parts["regions"] == pytest.approx(1000 * 500 * 20, rel=0.01)
    assert parts["chosen"] == pytest.approx(1000 * 2 * 30 * (8 + 80 * 2), rel=0.03)
    assert parts["best"] == pytest.approx(1000 * 80 * 4, rel=0.03)
    assert set(ARRAYS) < set(parts)
    assert sum(parts.values()) == size.total


def test_eight_bits_are_a_byte_a_value_and_four_a_row() -> None:
    parts = assumed_size(1000, 80, 500, 4096, CacheParams(rois=30, bits=8)).parts()
    assert parts["features"] == pytest.approx(1000 * 2 * 30 * (4096 + 4), rel=0.01)
    assert parts["logits"] == pytest.approx(1000 * 2 * 500 * 2 * (80 + 4), rel=0.01)
    assert parts["regions"] == pytest.approx(1000 * 500 * 20, rel=0.01)

"""Cross-fitting of operating points: nobody is labelled by thresholds that the image itself has chosen."""

import numpy as np
import pytest

from benchmarks import operating_points
from benchmarks.operating_points import Labels, crossed, text, values


def test_each_image_is_labelled_once_by_what_others_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    labels = (generator.random((40, 2)) < 0.5).astype(np.float32)
    val = Labels(generator.normal(labels, 1).astype(np.float32), labels, np.ones((40, 2), bool))
    scored: list[float] = []

    def own_labels(fitted: Labels, some: Labels, _: object) -> tuple[np.ndarray, np.ndarray]:
        assert not set(fitted.logits[:, 0].tolist()) & set(some.logits[:, 0].tolist())
        assert len(fitted.logits) + len(some.logits) == 40
        scored.extend(some.logits[:, 0].tolist())
        return some.labels > 0, some.logits

    monkeypatch.setattr(operating_points, "applied", own_labels)
    found = crossed(val, 40, {"prior": 0.0})
    assert sorted(scored) == sorted(val.logits[:, 0].tolist() * operating_points.REPEATS)
    assert found == text(values(val, val.labels > 0, val.logits))
    assert found.startswith("CF1 100.0, OF1 100.0, NLL ")

import math

import numpy as np
import pytest

from wsdkd.evaluation.localisation import proposal_recall
from wsdkd.evaluation.truth import ImageObjects


def objects(boxes: list[list[float]], optional: list[bool] | None = None) -> ImageObjects:
    return ImageObjects(
        np.array(boxes, dtype=np.float64).reshape(-1, 4),
        np.zeros(len(boxes), dtype=np.int64),
        np.array([False] * len(boxes) if optional is None else optional, dtype=bool),
    )


def test_one_worked_case() -> None:
    truth = [objects([[0, 0, 10, 10], [20, 20, 30, 30]]), objects([[0, 0, 8, 4]])]
    # 10 x 6 within 10 x 10: IoU 0.6; the second object has nothing; the third is met exactly.
    proposals = [np.array([[0, 0, 10, 6.0]]), np.array([[50, 50, 60, 60], [0, 0, 8, 4.0]])]
    recall = proposal_recall(proposals, truth)
    assert recall[0.5] == pytest.approx(200 / 3)
    assert recall[0.7] == pytest.approx(100 / 3)
    assert proposal_recall(proposals, truth, best=1)[0.5] == pytest.approx(100 / 3)
    assert proposal_recall(proposals, truth, ious=(0.6,))[0.6] == pytest.approx(200 / 3)


def test_difficult_objects_and_crowds_are_left_out() -> None:
    truth = [objects([[0, 0, 10, 10], [20, 20, 30, 30]], [False, True])]
    assert proposal_recall([np.array([[0, 0, 10, 10.0]])], truth)[0.5] == 100
    assert proposal_recall([np.array([[20, 20, 30, 30.0]])], truth)[0.5] == 0


def test_without_objects_there_is_no_recall() -> None:
    assert all(math.isnan(value) for value in proposal_recall([], []).values())
    blank = proposal_recall([np.array([[0, 0, 5, 5.0]])], [objects([])])
    assert math.isnan(blank[0.5])


def test_an_image_without_proposals_misses_its_objects() -> None:
    assert proposal_recall([np.zeros((0, 4))], [objects([[0, 0, 5, 5]])])[0.5] == 0


def test_it_agrees_with_loops() -> None:
    rng = np.random.default_rng(0)

    def boxes(count: int) -> np.ndarray:
        corner = rng.uniform(0, 60, (count, 2))
        return np.concatenate([corner, corner + rng.uniform(5, 40, (count, 2))], axis=1)

    truth = [objects(boxes(n).tolist(), (rng.random(n) < 0.3).tolist()) for n in (3, 0, 5, 8)]
    proposals = [boxes(n).astype(np.float32) for n in (10, 4, 0, 40)]
    for iou in (0.3, 0.5, 0.7):
        found = total = 0
        for candidates, real in zip(proposals, truth, strict=True):
            for target, optional in zip(real.boxes, real.optional, strict=True):
                if optional:
                    continue
                total += 1
                for box in candidates[:20].astype(float):
                    width = min(box[2], target[2]) - max(box[0], target[0])
                    height = min(box[3], target[3]) - max(box[1], target[1])
                    common = max(width, 0) * max(height, 0)
                    sizes = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, target)]
                    if common / (sum(sizes) - common) >= iou:
                        found += 1
                        break
        assert proposal_recall(proposals, truth, (iou,), best=20)[iou] == pytest.approx(100 * found / total)


def test_a_missing_image_is_a_defect() -> None:
    with pytest.raises(ValueError, match="zip"):
        proposal_recall([], [objects([[0, 0, 5, 5]])])

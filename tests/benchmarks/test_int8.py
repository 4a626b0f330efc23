"""The comparison of 8 bits with fp32 scores each picture once, and names the faster file."""

from typing import Any

import numpy as np

from benchmarks.int8 import BATCH, faster, scored
from wsdkd.serving.exported import INPUT


class Running:
    """Stands in for a session: the mean of each picture, after some rounds of work."""

    def __init__(self, rounds: int):
        self.rounds, self.batches = rounds, list[int]()

    def run(self, _names: list[str], inputs: dict[str, Any]) -> list[np.ndarray]:
        pictures = inputs[INPUT]
        self.batches.append(len(pictures))
        for _ in range(self.rounds):
            means = pictures.mean(axis=(1, 2, 3), dtype=np.float64)
        return [means[:, None].astype(np.float32)]


def test_each_picture_is_scored_once_and_in_order() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2 * BATCH + 3, 3, 8, 8), dtype=np.uint8)
    running = Running(1)
    found = scored(running, pictures)
    np.testing.assert_allclose(found[:, 0], [each.mean() for each in pictures], rtol=1e-6)
    assert running.batches == [BATCH, BATCH, 3]


def test_the_ratio_tells_how_many_times_faster_the_second_is() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (1, 3, 64, 64), dtype=np.uint8)
    slow, fast = Running(40), Running(4)
    ratio, (of_slow, of_fast) = faster([slow, fast], pictures, pairs=5)
    assert 3 < ratio < 30
    assert of_slow > 3 * of_fast
    assert len(slow.batches) == len(fast.batches) == 6 * BATCH

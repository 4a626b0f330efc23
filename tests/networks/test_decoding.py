"""Batches of pictures: in order, each row of a table read once."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.training.small_world import make_world
from wsdkd.data.images import load_square
from wsdkd.data.tables import ImageRow
from wsdkd.networks.decoding import picture_batches


class Read(Sequence[ImageRow]):
    """Rows that note how often each is asked for, as those of a table on disk are read then."""

    def __init__(self, rows: Sequence[ImageRow], times: Counter[str]) -> None:
        self.rows, self.times = rows, times

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place):  # type: ignore[no-untyped-def]
        if isinstance(place, slice):
            return Read(self.rows[place], self.times)
        self.times[self.rows[place].image_id] += 1
        return self.rows[place]


def test_a_row_is_read_once_however_often_its_batch_is_gone_through(tmp_path: Path) -> None:
    world, times = make_world(tmp_path, images=7), Counter[str]()
    seen = []
    for rows, pictures in picture_batches(Read(world.rows, times), world.root, 32, False, 3):
        assert [row.path for row in rows] == [f"{row.image_id}.png" for row in rows]
        for row, picture in zip(rows, pictures, strict=True):
            expected = load_square(world.root / row.path, 32)
            np.testing.assert_array_equal(picture.permute(1, 2, 0).numpy(), expected)
            seen.append(row.image_id)
    assert seen == [row.image_id for row in world.rows]
    assert set(times.values()) == {1}

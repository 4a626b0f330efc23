"""Parts of the training split."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from wsdkd.data.tables import ImageRow
from wsdkd.doubts.folds import fold_of, read_scores, split_fold, write_scores
from wsdkd.ground.errors import UserError

ROWS = [ImageRow(f"{n:03d}", f"{n}.jpg", 8, 8, "train", (n % 2,), (), f"digest {n}") for n in range(90)]
CLASSES = ["cat", "dog"]


def test_each_image_is_scored_once_and_never_learned_from_there() -> None:
    seen = []
    for number in range(3):
        learned, held_out = split_fold(ROWS, number, 3)
        assert not {row.image_id for row in learned} & {row.image_id for row in held_out}
        assert len(learned) + len(held_out) == 90
        assert 15 <= len(held_out) <= 45
        seen += [row.image_id for row in held_out]
    assert sorted(seen) == [row.image_id for row in ROWS]


def test_copies_of_a_picture_are_in_one_part_whatever_they_are_called() -> None:
    copies = [replace(row, image_id=f"copy of {row.image_id}", labels=()) for row in ROWS]
    assert [fold_of(row, 4) for row in copies] == [fold_of(row, 4) for row in ROWS]


def test_an_empty_part_is_refused() -> None:
    with pytest.raises(UserError, match=r"doubts.folds: 2 parts of 1 training images: part 1 has \d"):
        split_fold(ROWS[:1], 0, 2)


def test_scores_are_those_of_these_labels_alone(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    scores = np.random.default_rng(0).random((90, 2), np.float32)
    write_scores(path, ROWS, scores, CLASSES)
    np.testing.assert_array_equal(read_scores(path, ROWS, CLASSES), scores)
    for rows, classes in (
        ([replace(ROWS[0], labels=(0, 1)), *ROWS[1:]], CLASSES),
        (ROWS[1:], CLASSES),
        (ROWS, ["dog", "cat"]),
    ):
        with pytest.raises(UserError, match="not of the images and labels that are prepared; run: dvc repro"):
            read_scores(path, rows, classes)

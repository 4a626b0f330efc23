"""Repeat factors by hand; and how often an image is shown, counted over many epochs."""

from dataclasses import replace

import numpy as np
import pytest

from wsdkd.data.tables import ImageRow
from wsdkd.training.sampling import repeat_factors
from wsdkd.training.views import EpochViews, Showing, epoch_batches


def _rows(*labels: tuple[int, ...]) -> list[ImageRow]:
    return [ImageRow(str(n), f"{n}.png", 8, 8, "train", own, (), "") for n, own in enumerate(labels)]


def test_factors_by_hand() -> None:
    # Of eight images class 0 is in six, class 1 in two, class 2 in one; the last has none.
    rows = _rows((0,), (0,), (0,), (0,), (0, 1), (0, 2), (1,), ())
    expected = [1, 1, 1, 1, np.sqrt(0.5 / 0.25), np.sqrt(0.5 / 0.125), np.sqrt(0.5 / 0.25), 1]
    assert repeat_factors(rows, 0.5) == pytest.approx(expected)


def test_images_without_labels_make_no_class_rarer() -> None:
    labelled = _rows((0,), (0,), (0,), (0, 1))
    unlabelled = [replace(row, split="unlabelled", ignored=(0, 1)) for row in _rows((), (), ())]
    wanted = repeat_factors(labelled, 0.5)
    assert wanted is not None
    assert repeat_factors([*unlabelled, *labelled], 0.5) == pytest.approx([1, 1, 1, *wanted])


def test_no_threshold_shows_all_alike() -> None:
    assert repeat_factors(_rows((0,), (1,)), 0.0) is None


def test_images_are_shown_by_their_factors() -> None:
    factors = np.array([1.0] * 90 + [1.5] * 5 + [4.0] * 5)
    views = EpochViews(100, 10, [32], 0, range(400), Showing(factors))
    assert views.steps == 10
    rows = [view.row for batch in views for view in batch]
    shown = np.bincount(rows, minlength=100) / 400
    assert shown.sum() == pytest.approx(100)
    expected = factors * 100 / factors.sum()
    assert shown == pytest.approx(expected, rel=0.1)
    assert shown[95:].mean() / shown[:90].mean() == pytest.approx(4, rel=0.03)


def test_equal_factors_of_one_show_each_image_once() -> None:
    batches = epoch_batches(20, 5, [64], seed=1, epoch=0, showing=Showing(np.ones(20)))
    assert sorted(view.row for batch in batches for view in batch) == list(range(20))

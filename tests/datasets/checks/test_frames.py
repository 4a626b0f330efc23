"""Boxes of photographs that EXIF turns: stored 60 x 40, shown 40 x 60, turned clockwise by orientation 6."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from wsdkd.datasets.checks.images import Found, Rules, check_images
from wsdkd.datasets.reading.records import ImageRecord, ObjectRecord
from wsdkd.datasets.reading.rejections import Cause

Box = tuple[float, float, float, float]

STORED, SHOWN = (60, 40), (40, 60)
LOW = (2.0, 40.0, 22.0, 58.0)  # fits the shown picture alone
WIDE = (38.0, 2.0, 58.0, 22.0)  # fits the stored one alone; shown it is:
WIDE_UPRIGHT = (18.0, 38.0, 38.0, 58.0)
SMALL = (0.0, 0.0, 20.0, 10.0)  # fits both; drawn on the stored one, shown it is:
SMALL_UPRIGHT = (30.0, 0.0, 40.0, 20.0)

Picture = Callable[..., Path]


def check(
    root: Path,
    *images: tuple[tuple[int, int] | None, Box],
    drawn_on: Literal["auto", "upright", "stored"] = "auto",
) -> tuple[list[Box], Found]:
    records = [
        ImageRecord(f"{place}.jpg", f"{place}.jpg", "train", (0,), (), (ObjectRecord(0, box),), size)
        for place, (size, box) in enumerate(images)
    ]
    found = check_images(records, root, Rules(10_000, "inside", drawn_on), workers=1)
    return [(row.x1, row.y1, row.x2, row.y2) for row in found.objects], found


@pytest.fixture
def root(tmp_path: Path, picture: Picture) -> Path:
    for place in range(3):
        picture(f"{place}.jpg", STORED, orientation=6)
    return tmp_path


@pytest.mark.parametrize(
    ("size", "box", "expected"),
    [
        (SHOWN, SMALL, SMALL),
        (STORED, SMALL, SMALL_UPRIGHT),
        (None, SMALL, SMALL),  # nothing tells: as tools show it
        (None, WIDE, WIDE_UPRIGHT),
        (None, LOW, LOW),
        (STORED, WIDE, WIDE_UPRIGHT),
        (SHOWN, LOW, LOW),
        ((59, 41), SMALL, SMALL_UPRIGHT),  # nearly the stored size
    ],
)
def test_sizes_and_boxes_tell(size: tuple[int, int] | None, box: Box, expected: Box, root: Path) -> None:
    boxes, found = check(root, (size, box))
    assert boxes == [expected]
    assert (found.images[0].width, found.images[0].height) == SHOWN
    assert [item.cause for item in found.rejected if item.cause is Cause.FRAME] == []


@pytest.mark.parametrize(("size", "box", "expected"), [(STORED, LOW, LOW), (SHOWN, WIDE, WIDE_UPRIGHT)])
def test_a_box_that_fits_one_frame_alone_tells_more_than_the_size(
    size: tuple[int, int], box: Box, expected: Box, root: Path
) -> None:
    boxes, found = check(root, (size, box))
    assert boxes == [expected]
    assert [(item.kind, item.cause) for item in found.rejected] == [("warning", Cause.FRAME)]


def test_a_tool_that_always_writes_the_other_size_is_found_out(root: Path) -> None:
    # Two boxes fit the shown picture alone, whatever their size says; so the third was drawn on it, too.
    boxes, found = check(root, (STORED, LOW), (STORED, LOW), (STORED, SMALL))
    assert boxes == [LOW, LOW, SMALL]
    assert len(found.rejected) == 3
    assert found.said == ["turned upright by EXIF: 3 pictures, 3 with boxes drawn on the upright picture"]


def test_a_tool_that_does_so_at_times_is_believed_where_nothing_else_tells(root: Path) -> None:
    boxes, _ = check(root, (STORED, LOW), (STORED, WIDE), (STORED, SMALL))
    assert boxes == [LOW, WIDE_UPRIGHT, SMALL_UPRIGHT]


def test_the_parameter_overrules_all(root: Path) -> None:
    assert check(root, (STORED, SMALL), drawn_on="upright")[0] == [SMALL]
    assert check(root, (SHOWN, SMALL), drawn_on="stored")[0] == [SMALL_UPRIGHT]
    assert check(root, (None, WIDE), drawn_on="stored")[0] == [WIDE_UPRIGHT]


def test_a_mirrored_picture_has_one_size_so_that_only_the_parameter_tells(
    tmp_path: Path, picture: Picture
) -> None:
    picture("0.jpg", STORED, orientation=2)
    assert check(tmp_path, (STORED, SMALL))[0] == [SMALL]
    assert check(tmp_path, (STORED, SMALL), drawn_on="stored")[0] == [(40, 0, 60, 10)]


def test_a_picture_that_is_not_turned_stays_whatever_the_parameter_says(
    tmp_path: Path, picture: Picture
) -> None:
    picture("0.jpg", STORED)
    assert check(tmp_path, (STORED, WIDE), drawn_on="stored")[0] == [WIDE]

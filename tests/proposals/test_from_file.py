from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.proposals.written_files import BOXES, IDS, SCORES, WRITERS, write_npz, write_parquet
from wsdkd.data.tables import ImageRow
from wsdkd.ground.ids import IdIndex
from wsdkd.proposals.files import FileError
from wsdkd.proposals.from_file import boxes_of, read_file
from wsdkd.proposals.stored import Proposals, write_proposals


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same(tmp_path: Path, name: str) -> None:
    proposals = read_file(WRITERS[name](tmp_path / name))
    assert [proposals.images.place(name) for name in "abc"] == [0, 1, 2]
    for image_id, boxes, scores in zip(IDS, BOXES, SCORES, strict=True):
        found, scored = proposals.of(image_id)
        np.testing.assert_allclose(found, boxes)
        np.testing.assert_allclose(scored, scores, rtol=1e-6)


def test_shards_of_the_stage_itself_can_be_read(tmp_path: Path) -> None:
    write_proposals(tmp_path / "out", zip(IDS, BOXES, SCORES, strict=True))
    proposals = read_file(tmp_path / "out" / "part-00000.parquet")
    np.testing.assert_allclose(proposals.of("a")[0], BOXES[0])


@pytest.mark.parametrize(
    ("order", "coordinates", "numbers"),
    [
        ("xyxy", "edges", [10, 20, 40, 60]),
        ("yxyx", "edges", [20, 10, 60, 40]),
        ("xywh", "edges", [10, 20, 30, 40]),
        ("xyxy", "pixels_from_0", [10, 20, 39, 59]),
        ("xywh", "pixels_from_0", [10, 20, 30, 40]),
        ("xyxy", "pixels_from_1", [11, 21, 40, 60]),
        ("yxyx", "pixels_from_1", [21, 11, 60, 40]),
        ("xywh", "pixels_from_1", [11, 21, 30, 40]),
    ],
)
def test_every_way_to_write_the_same_box(
    tmp_path: Path, order: Any, coordinates: Any, numbers: list[int]
) -> None:
    file = write_npz(
        tmp_path / "n.npz",
        image_ids=np.array(["a"]),
        counts=np.array([1]),
        boxes=np.array([numbers]),
        scores=np.ones(1),
    )
    assert read_file(file, order, coordinates).of("a")[0].tolist() == [[10, 20, 40, 60]]


def entry(image_id: str, path: str) -> ImageRow:
    return ImageRow(image_id, path, 100, 80, "train", (), (), "")


def test_an_image_goes_by_any_of_its_names(tmp_path: Path) -> None:
    source = tmp_path / "p.parquet"
    for known in ("7", "JPEGImages/000007.jpg", "000007.jpg", "000007"):
        proposals = read_file(write_parquet(source, [known], [[[0.0, 0.0, 9.0, 9.0]]], [[1.0]]))
        assert len(boxes_of(proposals, source, entry("7", "JPEGImages/000007.jpg"))[0]) == 1
    with pytest.raises(FileError, match=r"p\.parquet: image 8: nothing for it; .*\(8\).*\(x/9\.jpg\).*\(9\)"):
        boxes_of(proposals, source, entry("8", "x/9.jpg"))


def test_whole_numbers_are_names(tmp_path: Path) -> None:
    source = tmp_path / "p.parquet"
    proposals = read_file(write_parquet(source, [139, 285, 632]))
    assert boxes_of(proposals, source, entry("139", "x.jpg"))[1].shape == (2,)


def test_a_box_outside_of_its_image_is_refused() -> None:
    proposals = Proposals(IdIndex(["a"]), np.array([0, 1]), np.array([[200, 5, 240, 20.0]]), np.ones(1))
    with pytest.raises(
        FileError, match=r"f\.mat: image a: boxes: \[200\.0, .*outside of 100 x 80 .*proposals\.order"
    ):
        boxes_of(proposals, Path("f.mat"), entry("a", "a.jpg"))

import os
import signal
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from wsdkd.data.boxes import pairwise_iou
from wsdkd.data.tables import ImageRow
from wsdkd.ground.workers import map_ordered
from wsdkd.proposals.edge_boxes import EdgeModelError
from wsdkd.proposals.params import (
    EdgeBoxesProposals,
    FileProposals,
    ProposalsParams,
    SelectiveSearchProposals,
)
from wsdkd.proposals.propose import Item, ProposeError, find_boxes, propose
from wsdkd.proposals.stored import read_proposals, write_proposals

EDGE_BOXES = EdgeBoxesProposals(method="edge_boxes", max_boxes=40)
SELECTIVE_SEARCH = SelectiveSearchProposals(method="selective_search", max_boxes=40)


def row(name: str, width: int, height: int) -> ImageRow:
    return ImageRow(name, f"{name}.png", width, height, "train", (), (), "")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ImageRow]]:
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    rows = []
    for number in range(12):
        width, height = int(rng.integers(60, 150)), int(rng.integers(60, 150))
        picture = np.full((height, width, 3), rng.integers(0, 256, 3), np.uint8)
        if number != 5:  # the sixth stays blank
            for _ in range(4):
                centre = (int(rng.integers(width)), int(rng.integers(height)))
                colour = tuple(int(value) for value in rng.integers(0, 256, 3))
                cv2.circle(picture, centre, int(rng.integers(6, 30)), colour, -1)
        name = f"image-{number:02d}"
        Image.fromarray(picture).save(root / f"{name}.png")
        rows.append(row(name, width, height))
    return root, rows


def same(first: list[Item], second: list[Item]) -> bool:
    return len(first) == len(second) and all(
        a[0] == b[0] and a[1].tobytes() == b[1].tobytes() and a[2].tobytes() == b[2].tobytes()
        for a, b in zip(first, second, strict=True)
    )


@pytest.mark.parametrize("params", [EDGE_BOXES, SELECTIVE_SEARCH])
def test_the_number_of_workers_changes_nothing(
    pictures: tuple[Path, list[ImageRow]], params: ProposalsParams, tmp_path: Path
) -> None:
    root, rows = pictures
    alone = list(propose(rows, root, params, workers=1))
    assert [item[0] for item in alone] == [entry.image_id for entry in rows]
    assert same(alone, list(propose(rows, root, params, workers=3)))
    # Nor does what a process has seen before.
    assert same(list(reversed(alone)), list(propose(rows[::-1], root, params, workers=1)))
    write_proposals(tmp_path / "a", alone)
    write_proposals(tmp_path / "b", propose(rows, root, params, workers=1))
    parts = [(tmp_path / name / "part-00000.parquet").read_bytes() for name in "ab"]
    assert parts[0] == parts[1]
    boxes, scores = read_proposals(tmp_path / "a").of("image-03")
    np.testing.assert_array_equal(boxes, alone[3][1])
    np.testing.assert_array_equal(scores, alone[3][2])


@pytest.mark.parametrize("params", [EDGE_BOXES, SELECTIVE_SEARCH])
def test_boxes_lie_in_their_image_with_scores_that_can_multiply(
    pictures: tuple[Path, list[ImageRow]], params: ProposalsParams
) -> None:
    root, rows = pictures
    for entry, (_, boxes, scores) in zip(rows, propose(rows, root, params, workers=1), strict=True):
        assert 1 <= len(boxes) == len(scores) <= 40
        assert (boxes >= 0).all()
        assert (boxes <= [entry.width, entry.height, entry.width, entry.height]).all()
        assert (boxes[:, 2:] - boxes[:, :2] >= 4).all()
        assert scores[0] == 1
        assert (scores > 0).all()
        assert (np.diff(scores) <= 0).all()


@pytest.mark.parametrize("params", [EDGE_BOXES, SELECTIVE_SEARCH])
def test_a_blank_image_gets_its_full_frame(
    pictures: tuple[Path, list[ImageRow]], params: ProposalsParams
) -> None:
    root, rows = pictures
    _, boxes, scores = next(propose(rows[5:6], root, params, workers=1))
    assert boxes.tolist() == [[0, 0, rows[5].width, rows[5].height]]
    assert scores.tolist() == [1]


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (400, 3), (2, 2), (20, 20)])
@pytest.mark.parametrize("params", [EDGE_BOXES, SELECTIVE_SEARCH])
def test_tiny_and_narrow_images_have_proposals_too(
    tmp_path: Path, params: ProposalsParams, size: tuple[int, int]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "tiny.png")
    _, boxes, scores = next(propose([row("tiny", size[1], size[0])], tmp_path, params, workers=1))
    assert 1 <= len(boxes) == len(scores)


@pytest.mark.parametrize("params", [EDGE_BOXES, SELECTIVE_SEARCH])
def test_boxes_come_in_pixels_of_the_original(
    params: EdgeBoxesProposals | SelectiveSearchProposals,
) -> None:
    picture = np.full((100, 160, 3), 60, np.uint8)
    picture[30:80, 50:120] = (200, 40, 40)
    for factor in (0.5, 1, 4):
        resized = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)
        boxes, _ = find_boxes(resized, params)
        assert pairwise_iou(np.array([[50, 30, 120, 80.0]]) * factor, boxes).max() > 0.85


def test_a_picture_that_changed_is_refused(pictures: tuple[Path, list[ImageRow]]) -> None:
    root, rows = pictures
    wrong = row("image-00", rows[0].width + 1, rows[0].height)
    with pytest.raises(ProposeError, match=r"image image-00: .*image-00.png: .* run the stage prepare again"):
        list(propose([wrong], root, EDGE_BOXES, workers=1))
    with pytest.raises(ProposeError, match=r"image gone: .*gone.png: cannot be read"):
        list(propose([row("gone", 5, 5)], root, EDGE_BOXES, workers=1))


def test_an_error_in_a_worker_arrives_as_it_is(pictures: tuple[Path, list[ImageRow]]) -> None:
    root, rows = pictures
    with pytest.raises(ProposeError, match="image gone"):
        list(propose([*rows, row("gone", 5, 5)], root, EDGE_BOXES, workers=2))


def _die(victim: str, name: str) -> str:
    if name == victim:
        os.kill(os.getpid(), signal.SIGKILL)
    return name


def test_a_killed_worker_is_an_error_and_no_hang() -> None:
    # The same pool that `propose` runs on; a worker killed for want of memory dies like this.
    with pytest.raises(BrokenProcessPool):
        list(map_ordered(partial(_die, "7"), [str(i) for i in range(20)], "dying", workers=2))


def test_a_missing_edge_model_is_refused_before_any_work(pictures: tuple[Path, list[ImageRow]]) -> None:
    root, rows = pictures
    params = EDGE_BOXES.model_copy(update={"structured_edge_model": "gone.yml"})
    with pytest.raises(EdgeModelError, match=r"gone\.yml: no such file"):
        list(propose(rows, root, params, workers=2))


def test_boxes_from_a_file(pictures: tuple[Path, list[ImageRow]], tmp_path: Path) -> None:
    root, rows = pictures
    np.savez(
        tmp_path / "boxes.npz",
        image_ids=np.array([entry.image_id for entry in rows]),
        counts=np.array([2] * 11 + [0]),
        boxes=np.tile(np.array([[0, 0, 20, 20], [5, 5, 50, 40]]), (11, 1)),
        scores=np.tile([0.2, 0.8], 11),
    )
    params = FileProposals(method="file", path=str(tmp_path / "boxes.npz"))
    items = list(propose(rows, root, params))
    assert [item[0] for item in items] == [entry.image_id for entry in rows]
    assert items[0][1].tolist() == [[5, 5, 50, 40], [0, 0, 20, 20]]
    assert items[0][2].tolist() == [1, 0.25]
    assert items[11][1].tolist() == [[0, 0, rows[11].width, rows[11].height]]

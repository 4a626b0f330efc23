import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from wsdkd.data.boxes import area, clip, mirror, pairwise_iou, rescale, turn_upright
from wsdkd.data.images import TURNS, Image


def random_boxes(count: int, seed: int) -> np.ndarray:
    corners = np.random.default_rng(seed).uniform(0, 50, (count, 2, 2))
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def test_rescale_carries_each_axis_on_its_own() -> None:
    boxes = np.array([[10.0, 20.0, 30.0, 40.0]])
    assert rescale(boxes, 100, 80, 50, 160).tolist() == [[5.0, 40.0, 15.0, 80.0]]
    assert boxes.tolist() == [[10.0, 20.0, 30.0, 40.0]]


def test_the_whole_image_stays_the_whole_image() -> None:
    whole = np.array([[0.0, 0.0, 640.0, 480.0]])
    assert rescale(whole, 640, 480, 224, 224).tolist() == [[0.0, 0.0, 224.0, 224.0]]
    assert mirror(whole, 640).tolist() == whole.tolist()


def test_mirror_agrees_with_a_mirrored_picture_and_is_its_own_inverse() -> None:
    picture = np.zeros((6, 10), bool)
    picture[1:4, 2:5] = True
    box = np.array([[2.0, 1.0, 5.0, 4.0]])
    x1, y1, x2, y2 = mirror(box, 10)[0].astype(int)
    expected = np.zeros((6, 10), bool)
    expected[y1:y2, x1:x2] = True
    assert np.array_equal(picture[:, ::-1], expected)
    assert mirror(mirror(box, 10), 10).tolist() == box.tolist()


def test_frames_take_tensors_as_well_as_arrays() -> None:
    boxes = random_boxes(5, seed=0)
    tensor = torch.from_numpy(boxes)
    assert np.allclose(rescale(tensor, 50, 40, 20, 30).numpy(), rescale(boxes, 50, 40, 20, 30))
    assert np.allclose(mirror(tensor, 50).numpy(), mirror(boxes, 50))


def test_clip_keeps_the_part_inside() -> None:
    boxes = np.array([[-5.0, 2.0, 12.0, 9.0], [20.0, 20.0, 30.0, 30.0]])
    assert clip(boxes, 10, 8).tolist() == [[0.0, 2.0, 10.0, 8.0], [10.0, 8.0, 10.0, 8.0]]
    assert area(clip(boxes, 10, 8)).tolist() == [60.0, 0.0]


def test_an_inverted_box_has_no_area() -> None:
    assert area(np.array([[5.0, 5.0, 1.0, 9.0], [5.0, 5.0, 1.0, 1.0]])).tolist() == [0.0, 0.0]


def test_iou_agrees_with_torchvision() -> None:
    first, second = random_boxes(20, seed=1), random_boxes(30, seed=2)
    expected = box_iou(torch.from_numpy(first), torch.from_numpy(second)).numpy()
    assert np.allclose(pairwise_iou(first, second), expected, atol=1e-12)


def test_iou_of_empty_boxes_and_of_none() -> None:
    point = np.array([[3.0, 3.0, 3.0, 3.0]])
    assert pairwise_iou(point, point).tolist() == [[0.0]]
    assert pairwise_iou(np.zeros((0, 4)), point).shape == (0, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_turns_with_its_picture(orientation: int) -> None:
    stored = np.zeros((7, 11), np.uint8)
    stored[1:4, 2:8] = 255
    picture = Image.fromarray(stored)
    upright = np.asarray(picture.transpose(TURNS[orientation]) if orientation in TURNS else picture)
    box = turn_upright(np.array([[2.0, 1.0, 8.0, 4.0]]), orientation, width=11, height=7)
    x1, y1, x2, y2 = box[0].astype(int)
    expected = np.zeros_like(upright)
    expected[y1:y2, x1:x2] = 255
    assert np.array_equal(upright, expected)

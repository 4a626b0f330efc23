import numpy as np
import pytest
import torch

from wsdkd.data.boxes import rescale
from wsdkd.data.tables import ImageRow
from wsdkd.networks.roi_pooling import pool_regions
from wsdkd.training.regions import stack_rois, to_input
from wsdkd.training.views import View

ROW = ImageRow("a", "a.jpg", 200, 50, "train", (), (), "")
BOXES = np.array([[0, 0, 200, 50], [20, 10, 60, 30], [199, 49, 200, 50]], np.float32)


def test_both_sides_are_scaled_on_their_own() -> None:
    expected = [[0, 0, 100, 100], [10, 20, 30, 60], [99.5, 98, 100, 100]]
    np.testing.assert_allclose(to_input(BOXES, ROW, View(0, False, 100)), expected)


def test_mirrored_in_the_frame_of_the_input() -> None:
    expected = [[0, 0, 100, 100], [70, 20, 90, 60], [0, 98, 0.5, 100]]
    np.testing.assert_allclose(to_input(BOXES, ROW, View(0, True, 100)), expected)


def test_the_boxes_given_are_left_alone() -> None:
    before = BOXES.copy()
    assert to_input(BOXES, ROW, View(0, True, 100)).dtype == np.float32
    np.testing.assert_array_equal(BOXES, before)


def test_the_place_in_the_batch_stands_in_front() -> None:
    rois = stack_rois([BOXES[:2], BOXES[:0], BOXES[2:]])
    assert rois.dtype == torch.float32
    assert rois[:, 0].tolist() == [0, 0, 2]
    np.testing.assert_array_equal(rois[:, 1:].numpy(), BOXES)


@pytest.mark.parametrize("size", [64, 96])
def test_a_mirrored_view_sees_the_same_region(size: int) -> None:
    # The network's input itself is the feature map: it turns with the picture.
    picture = torch.from_numpy(np.random.default_rng(0).random((1, 3, size, size), dtype=np.float32))
    plain = stack_rois([to_input(BOXES[:2], ROW, View(0, False, size))])
    mirrored = stack_rois([to_input(BOXES[:2], ROW, View(0, True, size))])
    seen = pool_regions(picture, plain, 4, 1.0, "align")
    seen_mirrored = pool_regions(picture.flip(3), mirrored, 4, 1.0, "align")
    torch.testing.assert_close(seen_mirrored, seen.flip(3), rtol=1e-4, atol=1e-5)
    back = rescale(plain[:, 1:].numpy(), size, size, ROW.width, ROW.height)
    np.testing.assert_allclose(back, BOXES[:2], rtol=1e-5)

"""RoIs of a batch: boxes carried into the frame of the network's input, and packed."""

import numpy as np
import pytest
import torch

from wsdkd.data.boxes import rescale, to_input
from wsdkd.networks.roi_pooling import pool_regions, stack_rois

WIDTH, HEIGHT = 200, 50
BOXES = np.array([[0, 0, 200, 50], [20, 10, 60, 30], [199, 49, 200, 50]], np.float32)


def test_both_sides_are_scaled_on_their_own() -> None:
    expected = [[0, 0, 100, 100], [10, 20, 30, 60], [99.5, 98, 100, 100]]
    np.testing.assert_allclose(to_input(BOXES, WIDTH, HEIGHT, 100, False), expected)


def test_mirrored_in_the_frame_of_the_input() -> None:
    expected = [[0, 0, 100, 100], [70, 20, 90, 60], [0, 98, 0.5, 100]]
    np.testing.assert_allclose(to_input(BOXES, WIDTH, HEIGHT, 100, True), expected)


def test_the_boxes_given_are_left_alone() -> None:
    before = BOXES.copy()
    to_input(BOXES, WIDTH, HEIGHT, 100, True)
    np.testing.assert_array_equal(BOXES, before)


def test_the_place_in_the_batch_stands_in_front() -> None:
    rois = stack_rois([BOXES[:2].astype(np.float64), BOXES[:0], BOXES[2:]])
    assert rois.dtype == torch.float32
    assert rois[:, 0].tolist() == [0, 0, 2]
    np.testing.assert_array_equal(rois[:, 1:].numpy(), BOXES)


@pytest.mark.parametrize("size", [64, 96])
def test_a_mirrored_view_sees_the_same_region(size: int) -> None:
    # The network's input itself is the feature map: it turns with the picture.
    picture = torch.from_numpy(np.random.default_rng(0).random((1, 3, size, size), dtype=np.float32))
    plain, mirrored = (
        stack_rois([to_input(BOXES[:2], WIDTH, HEIGHT, size, turned)]) for turned in (False, True)
    )
    seen = pool_regions(picture, plain, 4, 1.0, "align")
    seen_mirrored = pool_regions(picture.flip(3), mirrored, 4, 1.0, "align")
    torch.testing.assert_close(seen_mirrored, seen.flip(3), rtol=1e-4, atol=1e-5)
    back = rescale(plain[:, 1:].numpy(), size, size, WIDTH, HEIGHT)
    np.testing.assert_allclose(back, BOXES[:2], rtol=1e-5)

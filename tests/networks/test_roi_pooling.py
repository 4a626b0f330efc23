"""RoIs in the frame of the input, packed; and each pooling against plain Python, by its definition."""

import math

import numpy as np
import pytest
import torch

from wsdkd.data.boxes import mirror, rescale, to_input
from wsdkd.networks import roi_pooling
from wsdkd.networks.roi_pooling import pool_regions, stack_rois

SIDE, STRIDE = 96, 16
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


def _align(feature_map: np.ndarray, box: np.ndarray, bins: int, scale: float) -> np.ndarray:
    # Mean of 2 x 2 bilinear samples a bin; a cell's centre lies at half its width.
    channels = len(feature_map)
    x1, y1, x2, y2 = (float(edge) * scale - 0.5 for edge in box)
    step_x, step_y = (x2 - x1) / bins, (y2 - y1) / bins
    result = np.zeros((channels, bins, bins))
    for row in range(bins):
        for column in range(bins):
            for i in range(2):
                for j in range(2):
                    y = y1 + (row + (i + 0.5) / 2) * step_y
                    x = x1 + (column + (j + 0.5) / 2) * step_x
                    result[:, row, column] += _bilinear(feature_map, y, x) / 4
    return result


def _bilinear(feature_map: np.ndarray, y: float, x: float) -> np.ndarray:
    channels, height, width = feature_map.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return np.zeros(channels)
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = y - top, x - left
    upper = (1 - across) * feature_map[:, top, left] + across * feature_map[:, top, right]
    lower = (1 - across) * feature_map[:, bottom, left] + across * feature_map[:, bottom, right]
    result: np.ndarray = (1 - down) * upper + down * lower
    return result


def _max(feature_map: np.ndarray, box: np.ndarray, bins: int, scale: float) -> np.ndarray:
    # Edges round to cells, both of them inside; bins may share a cell and never miss one.
    channels, height, width = feature_map.shape
    left, top, right, bottom = (math.floor(float(edge) * scale + 0.5) for edge in box)
    step_x = np.float32(max(right - left + 1, 1)) / np.float32(bins)
    step_y = np.float32(max(bottom - top + 1, 1)) / np.float32(bins)
    result = np.zeros((channels, bins, bins))
    for row in range(bins):
        for column in range(bins):
            rows = range(
                min(max(top + math.floor(row * step_y), 0), height),
                min(max(top + math.ceil((row + 1) * step_y), 0), height),
            )
            columns = range(
                min(max(left + math.floor(column * step_x), 0), width),
                min(max(left + math.ceil((column + 1) * step_x), 0), width),
            )
            if rows and columns:
                window = feature_map[:, rows.start : rows.stop, columns.start : columns.stop]
                result[:, row, column] = window.max(axis=(1, 2))
    return result


def _inputs() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    maps = rng.normal(size=(2, 3, SIDE // STRIDE, SIDE // STRIDE)).astype(np.float32)
    corners = np.sort(rng.uniform(0, SIDE, (12, 2, 2)), axis=1).reshape(12, 4)
    edge_cases = [
        (0, 0, SIDE, SIDE),  # the whole image
        (0, 0, 5, 5),  # in the first cell
        (SIDE - 5, SIDE - 5, SIDE, SIDE),  # in the last one
        (SIDE - 1, 0, SIDE, SIDE),  # a sliver at the border
        (8, 8, 24, 24),  # edges in the middle of cells
        (16, 32, 48, 64),  # edges between cells
    ]
    return maps, np.concatenate([corners, np.array(edge_cases)]).astype(np.float32)


@pytest.mark.parametrize("bins", [1, 2, 3, 7])
@pytest.mark.parametrize(
    ("pooling", "reference", "most_cells"),
    [("align", _align, 0), ("align", _align, 36), ("max", _max, 36)],
    ids=["align", "align by products", "max"],
)
def test_pooling_against_brute_force(
    pooling: str, reference: object, most_cells: int, bins: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps, boxes = _inputs()
    monkeypatch.setattr(roi_pooling, "MOST_CELLS", most_cells)
    images = np.arange(len(boxes)) % 2
    rois = torch.from_numpy(np.column_stack([images, boxes]).astype(np.float32))
    pooled = pool_regions(torch.from_numpy(maps), rois, bins, 1 / STRIDE, pooling).numpy()
    for place, (image, box) in enumerate(zip(images, boxes, strict=True)):
        expected = reference(maps[image], box, bins, 1 / STRIDE)  # type: ignore[operator]
        np.testing.assert_allclose(pooled[place], expected, rtol=1e-4, atol=1e-5, err_msg=f"box {box}")


def test_a_mirrored_image_and_its_mirrored_boxes_give_mirrored_features() -> None:
    maps, boxes = _inputs()
    places = np.zeros(len(boxes))
    plain = torch.from_numpy(np.column_stack([places, boxes]).astype(np.float32))
    turned = torch.from_numpy(np.column_stack([places, mirror(boxes, SIDE)]).astype(np.float32))
    image = torch.from_numpy(maps[:1])
    pooled = pool_regions(image, plain, 3, 1 / STRIDE, "align")
    of_mirrored = pool_regions(image.flip(3), turned, 3, 1 / STRIDE, "align")
    torch.testing.assert_close(of_mirrored, pooled.flip(3), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pooling", ["align", "max"])
def test_half_precision_maps_are_pooled_in_single(pooling: str) -> None:
    maps, boxes = _inputs()
    rois = torch.from_numpy(np.column_stack([np.zeros(len(boxes)), boxes]).astype(np.float32))
    half = torch.from_numpy(maps).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        pooled = pool_regions(half, rois, 2, 1 / STRIDE, pooling)
    assert pooled.dtype == torch.float32
    torch.testing.assert_close(pooled, pool_regions(half.float(), rois, 2, 1 / STRIDE, pooling))


def test_what_else_is_in_the_batch_changes_no_bit() -> None:
    maps, boxes = _inputs()
    both = torch.from_numpy(np.column_stack([np.arange(len(boxes)) % 2, boxes]).astype(np.float32))
    alone = both[1::2] * torch.tensor([0.0, 1, 1, 1, 1])
    together = pool_regions(torch.from_numpy(maps), both, 2, 1 / STRIDE, "align")
    assert torch.equal(
        together[1::2], pool_regions(torch.from_numpy(maps[1:]), alone, 2, 1 / STRIDE, "align")
    )


@pytest.mark.parametrize("most_cells", [0, 36], ids=["kernel", "products"])
def test_gradients_reach_the_feature_map(most_cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roi_pooling, "MOST_CELLS", most_cells)
    maps, boxes = _inputs()
    image = torch.from_numpy(maps[:1]).requires_grad_()
    rois = torch.from_numpy(np.column_stack([np.zeros(1), boxes[-1:]]).astype(np.float32))
    pool_regions(image, rois, 2, 1 / STRIDE, "align").sum().backward()
    assert image.grad is not None
    # Four bins of one channel, each a mean: the weights of all cells add up to four.
    assert image.grad[0, 0].sum().item() == pytest.approx(4)
    assert image.grad[0, 0, 0].abs().sum() == 0  # far above the box

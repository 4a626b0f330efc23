import numpy as np
import pytest

from wsdkd.proposals.edge_boxes import colour_gradient, gradient_edges, thin


def test_a_step_from_black_to_white_has_a_gradient_of_one() -> None:
    picture = np.zeros((9, 12, 3), np.uint8)
    picture[:, 6:] = 255
    x, y = colour_gradient(picture, 0)
    np.testing.assert_allclose(x[:, 5:7], 1)
    assert not x[:, :5].any()
    assert not x[:, 7:].any()
    assert not y.any()


def test_colours_of_equal_brightness_have_an_edge() -> None:
    picture = np.zeros((9, 12, 3), np.uint8)
    picture[:, :6, 0], picture[:, 6:, 2] = 200, 200
    x, _ = colour_gradient(picture, 0)
    np.testing.assert_allclose(np.abs(x[:, 5:7]), 200 / 255, rtol=1e-6)


def test_each_pixel_takes_its_steepest_channel() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (8, 11, 3), dtype=np.uint8)
    x, y = colour_gradient(picture, 0)
    inside = picture.astype(float) / 255
    for row, column in ((3, 4), (1, 9), (6, 2)):
        window = inside[row - 1 : row + 2, column - 1 : column + 2]
        kernel = np.array([[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]]) / 16
        by_channel = [((window[..., c] * kernel).sum(), (window[..., c] * kernel.T).sum()) for c in range(3)]
        expected = max(by_channel, key=lambda pair: pair[0] ** 2 + pair[1] ** 2)
        np.testing.assert_allclose((x[row, column], y[row, column]), expected, atol=1e-6)


def test_edges_are_thin_relative_and_know_their_normal() -> None:
    picture = np.full((40, 40, 3), 30, np.uint8)
    picture[12:28, 10:30] = 90
    edges = gradient_edges(picture, blur=1.0)
    assert edges.magnitude.max() == 1
    middle_row, middle_column = edges.magnitude[20], edges.magnitude[:, 20]
    assert np.count_nonzero(middle_row > 0.5) == 2  # left and right, a pixel each
    assert np.count_nonzero(middle_column > 0.5) == 2
    left, top = int(middle_row.argmax()), int(middle_column.argmax())
    assert edges.orientation[20, left] == pytest.approx(0, abs=1e-3)
    assert edges.orientation[top, 20] == pytest.approx(np.pi / 2, abs=1e-3)
    assert edges.orientation.min() >= 0
    assert edges.orientation.max() < np.float32(np.pi)


def test_thinning_agrees_with_a_loop_over_pixels() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 7, 9)).astype(np.float32)
    magnitude = np.hypot(x, y)
    thinned = thin(magnitude, x, y)

    def at(row: float, column: float) -> float:
        row, column = min(max(row, 0), 6), min(max(column, 0), 8)
        top, left = int(row), int(column)
        down, right = min(top + 1, 6), min(left + 1, 8)
        a, b = row - top, column - left
        upper = magnitude[top, left] * (1 - b) + magnitude[top, right] * b
        return float(upper * (1 - a) + (magnitude[down, left] * (1 - b) + magnitude[down, right] * b) * a)

    for row in range(7):
        for column in range(9):
            here = magnitude[row, column]
            step = (y[row, column] / here, x[row, column] / here)
            sides = at(row + step[0], column + step[1]), at(row - step[0], column - step[1])
            if abs(here - max(sides)) > 0.05:  # OpenCV interpolates in steps of 1/32 pixel
                assert (thinned[row, column] > 0) == (here > max(sides))
    assert set(np.unique(thinned)) <= {0, *np.unique(magnitude)}


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_of_one_colour_has_no_edges(value: int) -> None:
    edges = gradient_edges(np.full((20, 30, 3), value, np.uint8), blur=1.5)
    assert not edges.magnitude.any()
    assert np.isfinite(edges.orientation).all()

import numpy as np

from wsdkd.data.boxes import pairwise_iou
from wsdkd.proposals.edge_boxes import EdgeMap, edge_boxes, gradient_edges, half_turn
from wsdkd.proposals.params import EdgeBoxesProposals

PARAMS = EdgeBoxesProposals(method="edge_boxes")


def square(left: int, top: int, right: int, bottom: int, size: int = 200) -> np.ndarray:
    picture = np.full((size, size, 3), 60, np.uint8)
    picture[top:bottom, left:right] = (190, 40, 90)
    return picture


def test_the_best_box_is_around_the_only_object() -> None:
    for corners in ((40, 60, 110, 120), (100, 20, 180, 90)):
        boxes, scores = edge_boxes(gradient_edges(square(*corners), PARAMS.blur), PARAMS)
        assert pairwise_iou(np.array([corners], float), boxes[:1])[0, 0] > 0.85
        assert (np.diff(scores) <= 0).all()
        assert (scores > 0).all()


def test_boxes_overlap_no_more_than_beta_allows() -> None:
    boxes, _ = edge_boxes(gradient_edges(square(40, 60, 110, 120), PARAMS.blur), PARAMS)
    bare = boxes + np.array([PARAMS.inset, PARAMS.inset, -PARAMS.inset, -PARAMS.inset]) * -1
    bare[:, 2:] -= 1  # OpenCV's own widths
    overlaps = pairwise_iou(bare, bare) - np.eye(len(bare))
    assert overlaps.max() <= PARAMS.beta + 1e-6


def test_equal_pictures_have_equal_boxes_whatever_came_before() -> None:
    edges = gradient_edges(square(40, 60, 110, 120), PARAMS.blur)
    first = edge_boxes(edges, PARAMS)
    edge_boxes(gradient_edges(square(10, 10, 90, 90), PARAMS.blur), PARAMS)
    second = edge_boxes(edges, PARAMS)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_no_edges_no_boxes() -> None:
    blank = EdgeMap(np.zeros((60, 80), np.float32), np.zeros((60, 80), np.float32))
    boxes, scores = edge_boxes(blank, PARAMS)
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)


def test_at_most_max_boxes() -> None:
    params = PARAMS.model_copy(update={"max_boxes": 7})
    noise = np.random.default_rng(0).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    assert len(edge_boxes(gradient_edges(noise, params.blur), params)[0]) == 7


def test_angles_are_taken_modulo_half_a_turn():
    half = np.float32(np.pi)
    special = np.array([-half, -1e-9, -0.0, 0.0, 1e-9, np.nextafter(half, np.float32(0)), half], np.float32)
    angles = np.concatenate([special, np.random.default_rng(0).uniform(-3.14, 3.14, 5000).astype(np.float32)])
    turned = half_turn(angles)
    expected = np.mod(angles, half)
    expected[expected == half] = 0
    np.testing.assert_array_equal(turned, expected)
    assert turned.dtype == np.float32
    assert not np.signbit(turned).any()
    assert turned.max() < half

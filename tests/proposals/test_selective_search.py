import cv2
import numpy as np
import pytest

from wsdkd.data.boxes import pairwise_iou
from wsdkd.proposals.params import SelectiveSearchProposals
from wsdkd.proposals.selective_search import BINS, RegionGraph, group, region_graph, selective_search

PARAMS = SelectiveSearchProposals(method="selective_search")


def two_squares() -> np.ndarray:
    picture = np.full((100, 140, 3), 60, np.uint8)
    picture[20:60, 20:60] = (200, 40, 40)
    picture[50:90, 90:130] = (40, 40, 220)
    return picture


def test_each_object_of_one_colour_is_a_proposal() -> None:
    boxes, scores = selective_search(two_squares(), PARAMS)
    wide = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= 4  # not the blurred rim of an object
    overlaps = pairwise_iou(np.array([[20, 20, 60, 60], [90, 50, 130, 90]], float), boxes[wide][:4])
    assert (overlaps.max(axis=1) > 0.85).all()
    assert (np.diff(scores) <= 0).all()
    assert (scores >= 0).all()


def test_the_whole_picture_is_a_proposal_and_alone_in_a_blank_one() -> None:
    boxes, _ = selective_search(two_squares(), PARAMS)
    assert [0, 0, 140, 100] in boxes.tolist()
    boxes, scores = selective_search(np.full((60, 80, 3), 99, np.uint8), PARAMS)
    assert boxes.tolist() == [[0, 0, 80, 60]]
    assert scores.tolist() == [0]


def test_order_does_not_hang_on_what_the_process_did_before() -> None:
    first = selective_search(two_squares(), PARAMS)
    cv2.setRNGSeed(7)
    selective_search(np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8), PARAMS)
    second = selective_search(two_squares(), PARAMS)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_more_colours_and_scales_add_proposals() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (25, 30, 3), dtype=np.uint8)
    picture = cv2.resize(noise, (150, 125), interpolation=cv2.INTER_NEAREST)
    few, _ = selective_search(picture, PARAMS)
    more = PARAMS.model_copy(update={"colours": ("rgb", "hsv", "lab"), "scales": (50.0, 150.0)})
    many, scores = selective_search(picture, more)
    assert len(many) > len(few)
    assert (np.diff(scores) <= 0).all()


def test_no_two_boxes_overlap_more_than_asked() -> None:
    picture = np.random.default_rng(3).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    boxes, _ = selective_search(picture, PARAMS.model_copy(update={"overlap": 0.5}))
    assert (pairwise_iou(boxes, boxes) - np.eye(len(boxes))).max() <= 0.5


@pytest.mark.parametrize("colours", ["rgb", "lab", "hsv"])
def test_regions_agree_with_a_loop_over_pixels(colours: str) -> None:
    picture = cv2.resize(
        np.random.default_rng(5).integers(0, 256, (6, 7, 3), dtype=np.uint8),
        (70, 60),
        interpolation=cv2.INTER_NEAREST,
    )
    graph = region_graph(picture, colours, 50.0, 20)
    converted = {"rgb": picture, "lab": cv2.cvtColor(picture, cv2.COLOR_RGB2Lab)}.get(
        colours, cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    )
    labels = cv2.ximgproc.segmentation.createGraphSegmentation(0.8, 50.0, 20).processImage(converted)
    count = labels.max() + 1
    assert graph.area.sum() == 70 * 60
    borders = np.zeros((count, count))
    for row in range(60):
        for column in range(70):
            for other in ((row + 1, column), (row, column + 1)):
                if other[0] < 60 and other[1] < 70 and labels[row, column] != labels[other]:
                    borders[labels[row, column], labels[other]] += 1
                    borders[labels[other], labels[row, column]] += 1
    np.testing.assert_array_equal(graph.length, borders)
    for region in range(count):
        rows, columns = np.nonzero(labels == region)
        assert graph.area[region] == len(rows)
        assert graph.boxes[region].tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        reds = np.histogram(converted[rows, columns, 0], bins=BINS, range=(0, 256))[0]
        np.testing.assert_allclose(graph.histograms[region, :BINS], reds / (3 * len(rows)))
    assert (graph.contrast[borders == 0] == 0).all()


def test_the_most_alike_neighbours_merge_first() -> None:
    # Three regions in a row, 10 x 10 pixels each; the first two share a colour.
    histograms = np.zeros((3, 3 * BINS))
    histograms[:2, 0], histograms[2, 1] = 1, 1
    length = np.array([[0, 10, 0], [10, 0, 10], [0, 10, 0]], float)
    contrast = np.array([[0, 1, 0], [1, 0, 5], [0, 5, 0]], float)
    boxes = np.array([[0, 0, 10, 10], [10, 0, 20, 10], [20, 0, 30, 10]], float)
    expected = [*boxes.tolist(), [0, 0, 20, 10], [0, 0, 30, 10]]
    found, scores = group(RegionGraph(np.full(3, 100), boxes, histograms, length, contrast), 300)
    assert found.tolist() == expected
    # mean gradient along the border; each region fills its box
    np.testing.assert_allclose(scores, [0.1, 0.3, 0.5, 0.5, 0])

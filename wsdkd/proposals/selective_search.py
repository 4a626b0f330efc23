"""Selective search: boxes around regions that grow by merging alike neighbours (Uijlings et al., IJCV 2013).

OpenCV has it too, but orders its boxes by the C library's random numbers, so that what comes first
depends on what the process did before, and gives no scores. Here grouping is our own, on OpenCV's
first segmentation, and a region scores by how strong the contour around it is. The similarity is
the paper's without texture: colour + size + fill.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from wsdkd.data.boxes import area
from wsdkd.proposals.edge_boxes import colour_gradient, steepness
from wsdkd.proposals.params import SelectiveSearchProposals

BINS = 16
"""Of a colour histogram, a channel."""
SMOOTHING = 0.8
"""Of the segmentation, in pixels, as in the paper."""
CONTRAST_BLUR = 1.0
"""Before the gradient that a contour is scored by, in pixels."""

COLOURS = {"lab": cv2.COLOR_RGB2Lab, "hsv": cv2.COLOR_RGB2HSV}


@dataclass
class RegionGraph:
    """Regions of one picture, n of them.

    Attributes:
        area: int64 (n,), pixels.
        boxes: float64 (n, 4), (x1, y1, x2, y2) edges in pixels.
        histograms: float64 (n, 3 * BINS), of colours; each sums to 1.
        length: float64 (n, n), symmetric: pairs of pixels along the common border; 0 where two do not touch.
        contrast: float64 (n, n), symmetric: gradient magnitude summed over these pairs.
    """

    area: np.ndarray
    boxes: np.ndarray
    histograms: np.ndarray
    length: np.ndarray
    contrast: np.ndarray


def selective_search(picture: np.ndarray, params: SelectiveSearchProposals) -> tuple[np.ndarray, np.ndarray]:
    """Propose boxes for an RGB picture, uint8 (H, W, 3).

    The score of a region is its mean gradient along its border (0 for the whole picture, which has
    none) times the square root of the share of its box that it fills: the paper's hierarchy
    gives an order at most, and a teacher that weighs features by objectness needs more.

    Returns:
        Boxes float64 (n, 4), (x1, y1, x2, y2) edges in pixels of the picture, and scores float64
        (n,), 0 or above, best first. A picture of one region has one box, itself.
    """
    pixels = picture.shape[0] * picture.shape[1]
    grouped = [
        group(region_graph(picture, colours, scale, params.min_region), pixels)
        for colours in params.colours
        for scale in params.scales
    ]
    boxes = np.concatenate([found for found, _ in grouped])
    scores = np.concatenate([scored for _, scored in grouped])
    order = np.argsort(-scores, kind="stable")
    boxes, scores = boxes[order], scores[order]
    kept = _distinct(boxes, params.overlap)
    return boxes[kept], scores[kept]


def region_graph(picture: np.ndarray, colours: str, scale: float, min_region: int) -> RegionGraph:
    """Segment an RGB picture, uint8 (H, W, 3), and gather its regions.

    Args:
        picture: what to segment.
        colours: ``rgb``, ``lab`` or ``hsv``.
        scale: k of Felzenszwalb and Huttenlocher (IJCV 2004); higher gives larger regions.
        min_region: smaller regions are merged, in pixels.
    """
    converted = picture if colours == "rgb" else cv2.cvtColor(picture, COLOURS[colours])
    segmentation = cv2.ximgproc.segmentation.createGraphSegmentation(SMOOTHING, scale, min_region)
    labels = segmentation.processImage(converted).astype(np.int64)
    count = int(labels.max()) + 1
    area = np.bincount(labels.ravel(), minlength=count)
    length, contrast = _borders(labels, count, steepness(*colour_gradient(picture, CONTRAST_BLUR)))
    return RegionGraph(area, _bounds(labels, count), _histograms(converted, labels, area), length, contrast)


def _bounds(labels: np.ndarray, count: int) -> np.ndarray:
    rows, columns = np.indices(labels.shape)
    order = np.argsort(labels, axis=None, kind="stable")
    starts = np.searchsorted(labels.ravel()[order], np.arange(count))
    x, y = columns.ravel()[order], rows.ravel()[order]
    low = [np.minimum.reduceat(values, starts) for values in (x, y)]
    high = [np.maximum.reduceat(values, starts) + 1 for values in (x, y)]
    return np.stack([*low, *high], axis=1).astype(np.float64)


def _histograms(picture: np.ndarray, labels: np.ndarray, area: np.ndarray) -> np.ndarray:
    bins = (picture.astype(np.int64) * BINS) >> 8
    counts = [
        np.bincount((labels * BINS + bins[..., channel]).ravel(), minlength=len(area) * BINS)
        for channel in range(3)
    ]
    histograms = np.concatenate([count.reshape(-1, BINS) for count in counts], axis=1)
    return histograms / (3.0 * area[:, None])


def _borders(labels: np.ndarray, count: int, magnitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    length: np.ndarray = np.zeros(count * count)
    contrast: np.ndarray = np.zeros(count * count)
    beside = (labels[:, :-1], labels[:, 1:], np.maximum(magnitude[:, :-1], magnitude[:, 1:]))
    below = (labels[:-1], labels[1:], np.maximum(magnitude[:-1], magnitude[1:]))
    for first, second, gradient in (beside, below):
        border = first != second
        pair = first[border] * count + second[border]
        length += np.bincount(pair, minlength=count * count)
        contrast += np.bincount(pair, gradient[border], minlength=count * count)
    length, contrast = length.reshape(count, count), contrast.reshape(count, count)
    return length + length.T, contrast + contrast.T


def group(regions: RegionGraph, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Merge the most alike neighbours again and again, until one region is left.

    Args:
        regions: the first regions; their arrays are used up.
        pixels: area of the picture.

    Returns:
        Boxes (m, 4) and scores (m,), as :func:`selective_search`, of every region there ever was.
    """
    count = len(regions.area)
    alike = np.full((count, count), -np.inf)
    first, second = np.nonzero(regions.length)
    alike[first, second] = _similarity(regions, first, second, pixels)
    best = alike.max(axis=1)  # of each row, so that the search for the best pair is not over all pairs
    boxes, scores = [regions.boxes.copy()], [_contour(regions, np.arange(count))]
    for _ in range(count - 1):
        i = int(best.argmax())
        if best[i] == -np.inf:
            break
        j = int(alike[i].argmax())
        touched = np.flatnonzero((regions.length[i] > 0) | (regions.length[j] > 0))
        _merge(regions, i, j)
        for row in (i, j):
            alike[row] = alike[:, row] = -np.inf
        neighbours = np.flatnonzero(regions.length[i])
        alike[i, neighbours] = alike[neighbours, i] = _similarity(regions, i, neighbours, pixels)
        best[touched] = alike[touched].max(axis=1)
        boxes.append(regions.boxes[[i]])
        scores.append(_contour(regions, np.array([i])))
    return np.concatenate(boxes), np.concatenate(scores)


def _similarity(regions: RegionGraph, first: int | np.ndarray, second: np.ndarray, pixels: int) -> np.ndarray:
    colour = np.minimum(regions.histograms[first], regions.histograms[second]).sum(axis=-1)
    area = regions.area[first] + regions.area[second]
    one, other = regions.boxes[first], regions.boxes[second]
    sides = np.maximum(one[..., 2:], other[..., 2:]) - np.minimum(one[..., :2], other[..., :2])
    around = sides[..., 0] * sides[..., 1]
    # colour + (1 - size) + (1 - what the common box leaves empty), each in [0, 1]
    result: np.ndarray = colour + (1 - area / pixels) + (1 - (around - area) / pixels)
    return result


def _merge(regions: RegionGraph, i: int, j: int) -> None:
    # Region i takes in region j, which is left without neighbours.
    area = regions.area[i] + regions.area[j]
    weighted = regions.histograms[i] * regions.area[i] + regions.histograms[j] * regions.area[j]
    regions.histograms[i] = weighted / area
    regions.area[i] = area
    regions.boxes[i, :2] = np.minimum(regions.boxes[i, :2], regions.boxes[j, :2])
    regions.boxes[i, 2:] = np.maximum(regions.boxes[i, 2:], regions.boxes[j, 2:])
    for table in (regions.length, regions.contrast):
        table[i] += table[j]
        table[i, i] = table[i, j] = 0
        table[:, i] = table[i]
        table[j] = table[:, j] = 0


def _contour(regions: RegionGraph, rows: np.ndarray) -> np.ndarray:
    length = regions.length[rows].sum(axis=1)
    contrast = regions.contrast[rows].sum(axis=1) / np.maximum(length, 1)
    sides = regions.boxes[rows, 2:] - regions.boxes[rows, :2]
    result: np.ndarray = contrast * np.sqrt(regions.area[rows] / (sides[:, 0] * sides[:, 1]))
    return result


def _distinct(boxes: np.ndarray, overlap: float) -> np.ndarray:
    # Non-maximum suppression of boxes (n, 4) that come best first; the kept rows.
    size = area(boxes)
    alive = np.ones(len(boxes), dtype=bool)
    kept = []
    for row, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        if alive[row]:
            kept.append(row)
            width = np.minimum(boxes[row:, 2], x2) - np.maximum(boxes[row:, 0], x1)
            height = np.minimum(boxes[row:, 3], y2) - np.maximum(boxes[row:, 1], y1)
            common = np.maximum(width, 0) * np.maximum(height, 0)
            alive[row:] &= common <= overlap * (size[row:] + size[row] - common)
    return np.array(kept, dtype=np.int64)

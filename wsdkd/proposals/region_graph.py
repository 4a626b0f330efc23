"""The first regions of selective search, what each looks like, and which ones touch."""

from dataclasses import dataclass

import cv2
import numpy as np

from wsdkd.proposals.edge_map import colour_gradient, steepness

BINS = 16  # of a colour histogram, a channel
SMOOTHING = 0.8  # of the segmentation, in pixels, as in the paper
CONTRAST_BLUR = 1.0

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

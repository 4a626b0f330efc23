"""RoI pooling: features of regions from a feature map."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from wsdkd.networks.deferred_compiler import compiler_deferred

with compiler_deferred():
    from torchvision.ops import roi_align, roi_pool

MOST_CELLS = 256
"""Of a feature map: the product visits every cell for every bin, the kernel 16 for each."""
SAMPLES = 2  # along each side of a bin


def stack_rois(boxes: Sequence[Float[np.ndarray, "_ 4"]]) -> Float32[Tensor, "regions 5"]:
    """Pack the regions of a batch as the poolings take them.

    Args:
        boxes: (n_i, 4) of each image, x1, y1, x2, y2 in pixels of the network input
            (:func:`wsdkd.data.boxes.to_input`).

    Returns:
        float32 (R, 5), the image's place in the batch, then its box.
    """
    places = np.repeat(np.arange(len(boxes)), [len(one) for one in boxes])
    return torch.from_numpy(np.column_stack([places, np.concatenate(boxes)]).astype(np.float32))


def pool_regions(
    feature_map: Float[Tensor, "images channels height width"],
    rois: Float[Tensor, "regions 5"],
    bins: int,
    scale: float,
    pooling: str,
) -> Float32[Tensor, "regions channels {bins} {bins}"]:
    """Gather each region's features into bins x bins cells.

    Computed in fp32: torchvision's CPU kernels have no bfloat16.

    Args:
        feature_map: (B, C, h, w).
        rois: (R, 5), image's place in the batch, then x1, y1, x2, y2 in pixels of the network input.
        bins: cells along each side.
        scale: cells of the feature map to one pixel of the network input (1 / stride).
        pooling: ``max`` (RoI max-pooling) or ``align`` (RoIAlign, mean of the bilinear samples).

    Returns:
        float32 (R, C, bins, bins).
    """
    features, regions = feature_map.float(), rois.float()
    if pooling == "align" and products_are_faster(features):
        return align_by_products(features, regions, bins, scale)
    features = features.contiguous()
    if pooling == "max":
        pooled: Tensor = roi_pool(features, regions, (bins, bins), scale)
    else:
        pooled = roi_align(features, regions, (bins, bins), scale, sampling_ratio=SAMPLES, aligned=True)
    return pooled


def products_are_faster(feature_map: Tensor) -> bool:
    """Whether :func:`align_by_products` takes less time than torchvision's RoIAlign, on maps (B, C, h, w)."""
    return feature_map.device.type == "cpu" and feature_map.shape[2] * feature_map.shape[3] <= MOST_CELLS


def align_by_products(
    feature_map: Float32[Tensor, "images channels height width"],
    rois: Float32[Tensor, "regions 5"],
    bins: int,
    scale: float,
) -> Float32[Tensor, "regions channels {bins} {bins}"]:
    """The values of ``roi_align(..., sampling_ratio=2, aligned=True)`` but for rounding.

    RoIAlign is linear in the feature map: each bin is a weighted sum of the map's cells. torchvision's CPU
    kernel gathers them channel by channel, forward and backward. Over the few cells of a small map a matrix
    product takes a fraction of that time, and autograd has its backward pass.

    An image's values do not depend on what else is in the batch, to the last bit.

    Args:
        feature_map: float32 (B, C, h, w).
        rois: float32 (R, 5), image's place in the batch, then x1, y1, x2, y2 in pixels of the network input.
        bins: cells along each side.
        scale: cells of the feature map to one pixel of the network input (1 / stride).

    Returns:
        float32 (R, C, bins, bins).
    """
    images, channels, height, width = feature_map.shape
    edges = rois[:, 1:] * scale - 0.5
    down = _shares_of_cells(edges[:, 1], edges[:, 3], bins, height)
    across = _shares_of_cells(edges[:, 0], edges[:, 2], bins, width)
    weights = torch.einsum("riy,rjx->rijyx", down, across).flatten(3).flatten(1, 2)
    order = rois[:, 0].argsort(stable=True)
    counts = rois[:, 0].long().bincount(minlength=images).tolist()
    cells = feature_map.permute(0, 2, 3, 1).reshape(images, height * width, channels)
    with torch.autocast("cpu", enabled=False):
        pooled = torch.cat(
            [
                (of_image.flatten(0, 1) @ of_map).reshape(len(of_image), bins * bins, channels)
                for of_image, of_map in zip(torch.split(weights[order], counts), cells, strict=True)
            ]
        )
    return pooled[order.argsort()].transpose(1, 2).reshape(len(rois), channels, bins, bins)


def _shares_of_cells(first: Tensor, last: Tensor, bins: int, cells: int) -> Tensor:
    # Regions' edges along one axis, in cells from the first one's centre -> (R, bins, cells): the share of
    # each cell in each bin. Beyond the outermost centres a sample has the value of that cell, and more
    # than a cell beyond them none.
    share = (torch.arange(bins * SAMPLES) + 0.5) / (bins * SAMPLES)
    places = first[:, None] + (last - first)[:, None] * share
    distance = places.clamp(0, cells - 1)[..., None] - torch.arange(cells)
    near = (1 - distance.abs()).clamp_min(0) * ((places >= -1) & (places <= cells))[..., None]
    return near.reshape(len(first), bins, SAMPLES, cells).mean(dim=2)

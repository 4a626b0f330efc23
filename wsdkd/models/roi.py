"""RoI pooling: features of regions from a feature map."""

import torch
from torchvision.ops import roi_align, roi_pool

from wsdkd.models.roi_products import align_by_products, pays


def pool_regions(
    feature_map: torch.Tensor, rois: torch.Tensor, bins: int, scale: float, pooling: str
) -> torch.Tensor:
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
    if pooling == "align" and pays(features):
        return align_by_products(features, regions, bins, scale)
    features = features.contiguous()
    if pooling == "max":
        pooled: torch.Tensor = roi_pool(features, regions, (bins, bins), scale)
    else:
        pooled = roi_align(features, regions, (bins, bins), scale, sampling_ratio=2, aligned=True)
    return pooled

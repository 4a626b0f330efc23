"""Features of regions: RoI pooling, weighted by objectness."""

import torch
from torch import nn
from torchvision.ops import roi_align, roi_pool

from wsdkd.params.teacher import RoiPooling


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
    features, regions = feature_map.float().contiguous(), rois.float()
    if pooling == "max":
        pooled: torch.Tensor = roi_pool(features, regions, (bins, bins), scale)
    else:
        pooled = roi_align(features, regions, (bins, bins), scale, sampling_ratio=2, aligned=True)
    return pooled


class RoiFeatures(nn.Module):
    """RoI pooling with the objectness multiplier (release: ``roi_pooling`` then ``scale``)."""

    def __init__(self, params: RoiPooling, scale: float):
        super().__init__()
        self.params, self.scale = params, scale

    def forward(
        self, feature_map: torch.Tensor, rois: torch.Tensor, objectness: torch.Tensor
    ) -> torch.Tensor:
        """Features of regions.

        Args:
            feature_map: (B, C, h, w).
            rois: (R, 5), place in the batch and box in pixels of the network input.
            objectness: (R,), score of each proposal.

        Returns:
            float32 (R, C, bins, bins), multiplied by scale * objectness + bias where the parameters
            ask for it.
        """
        params = self.params
        pooled = pool_regions(feature_map, rois, params.bins, self.scale, params.pooling)
        if not params.objectness:
            return pooled
        weight = params.objectness_scale * objectness.float() + params.objectness_bias
        return pooled * weight[:, None, None, None]

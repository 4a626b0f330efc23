"""The teacher's features of regions: RoI pooling, weighted by objectness (release)."""

import torch
from torch import nn

from wsdkd.models.roi import pool_regions
from wsdkd.params.teacher import RoiPooling


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

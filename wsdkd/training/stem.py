"""The frozen stem's features, computed once for each view where they fit into memory.

A frozen stage gives the same output in every epoch, and it works at the highest resolution: on a
CPU it costs as much as all later stages together.
"""

from collections.abc import Sequence

import torch

from wsdkd.models.backbones import Backbone
from wsdkd.training.pictures import Pictures, memory_budget
from wsdkd.training.views import View


class Stem:
    """Features of views from the frozen stages of a backbone, remembered within the memory budget."""

    def __init__(self, backbone: Backbone, pictures: Pictures, sizes: Sequence[int], device: torch.device):
        self.backbone, self.pictures, self.device = backbone, pictures, device
        self._kept: dict[View, torch.Tensor] = {}
        self.in_memory = False
        if backbone.frozen_stages:
            with torch.inference_mode():
                probe = torch.zeros(1, 3, max(sizes), max(sizes), device=device)
                each = backbone.stem(probe).numel() * 4
            # Both views of each image at each size.
            self.in_memory = 2 * len(pictures.rows) * len(sizes) * each <= memory_budget()

    def of(self, views: Sequence[View], pictures: torch.Tensor | None = None) -> torch.Tensor:
        """Stem features of views of one size; ``pictures`` are theirs, where already loaded."""
        if not self.in_memory:
            return self.backbone.stem(self._move(self.pictures.load(views) if pictures is None else pictures))
        new = [view for view in views if view not in self._kept]
        if new:
            features = self.backbone.stem(self._move(self.pictures.load(new)))
            self._kept.update(zip(new, features, strict=True))
        stacked = torch.stack([self._kept[view] for view in views])
        return stacked.contiguous(memory_format=torch.channels_last)

    def _move(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.to(self.device, non_blocking=True)

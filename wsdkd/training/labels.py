"""The labels of a batch's images."""

from collections.abc import Sequence

import torch

from wsdkd.tables.images import ImageRow, targets
from wsdkd.training.loader import Batch
from wsdkd.training.views import View


class Labels:
    """What the label loss needs of views: ``labels`` (B, K) and ``known`` (B, K)."""

    def __init__(self, rows: Sequence[ImageRow], num_classes: int):
        self.rows, self.num_classes = rows, num_classes

    def __call__(self, views: Sequence[View]) -> Batch:
        """See the class."""
        labels, known = targets([self.rows[view.row] for view in views], self.num_classes)
        return {"labels": torch.from_numpy(labels), "known": torch.from_numpy(known)}

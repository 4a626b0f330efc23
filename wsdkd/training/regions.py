"""RoIs of a batch: proposals carried into the frame of the network's input."""

from collections.abc import Sequence

import numpy as np
import torch

from wsdkd.data import boxes as frames
from wsdkd.data.tables import ImageRow
from wsdkd.training.views import View


def to_input(boxes: np.ndarray, row: ImageRow, view: View) -> np.ndarray:
    """Carry boxes (n, 4) from pixels of the original image to pixels of the network's input."""
    carried: np.ndarray = frames.to_input(boxes, row.width, row.height, view.size, view.mirrored)
    return carried.astype(np.float32)


def stack_rois(boxes: Sequence[np.ndarray]) -> torch.Tensor:
    """Boxes (n_i, 4) of each image of a batch -> float32 (R, 5) with the image's place in front."""
    places = np.repeat(np.arange(len(boxes)), [len(one) for one in boxes]).astype(np.float32)
    return torch.from_numpy(np.column_stack([places, np.concatenate(boxes)]).astype(np.float32))

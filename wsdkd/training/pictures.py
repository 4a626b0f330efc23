"""What a network is shown in training, kept in memory where it fits: pictures, and features of frozen stages.

A frozen stage gives the same output in every epoch, and it works at the highest resolution: on a CPU it
costs as much as all later stages together.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import torch

from wsdkd.data.images import load_square, naming_photograph
from wsdkd.data.tables import ImageRow
from wsdkd.ground.errors import UserError
from wsdkd.networks.backbones import Backbone
from wsdkd.training.augmentation import recoloured
from wsdkd.training.views import View

MEMORY_VARIABLE = "WSDKD_MEMORY_GB"
DEFAULT_MEMORY_GB = 2.0


def memory_budget() -> int:
    """Bytes that pictures may take, stem features as many, and the teacher's softened scores as many.

    ``WSDKD_MEMORY_GB`` says how many, 2 GB by default.

    Raises:
        UserError: the variable is not a number of at least zero.
    """
    text = os.environ.get(MEMORY_VARIABLE) or str(DEFAULT_MEMORY_GB)
    try:
        size = int(float(text) * 1e9)
    except (ValueError, OverflowError):
        size = -1
    if size < 0:
        raise UserError(f"{MEMORY_VARIABLE}={text}: expected a number of gigabytes, at least 0")
    return size


class Pictures:
    """Square pictures of a table's images, decoded once where all of them fit into memory.

    Augmented ones are not kept: no two are alike.

    Args:
        rows: the images.
        root: folder that their paths are relative to.
        sizes: the sides that will be asked for, in pixels.
    """

    def __init__(self, rows: Sequence[ImageRow], root: Path, sizes: Sequence[int]):
        self.rows, self.root, self.sizes = rows, root, sizes
        needed = len(self.rows) * sum(3 * size * size for size in sizes)
        self.in_memory = needed <= memory_budget()
        self._kept: dict[tuple[int, int], np.ndarray] = {}

    def load(self, views: Sequence[View]) -> torch.Tensor:
        """Pictures of equal size: uint8 (B, 3, size, size), channels last in memory.

        Raises:
            UserError: a photograph is gone or damaged since it was prepared.
        """
        stacked = np.stack([self._one(view) for view in views])
        return torch.from_numpy(stacked).permute(0, 3, 1, 2)

    def _one(self, view: View) -> np.ndarray:
        path = self.root / self.rows[view.row].path
        if view.change is not None:
            with naming_photograph(path):
                shown = load_square(path, view.size, window=view.change.window)
            return recoloured(shown[:, ::-1] if view.mirrored else shown, view.change)
        picture = self._kept.get((view.row, view.size))
        if picture is None:
            with naming_photograph(path):
                picture = load_square(path, view.size)
            if self.in_memory:
                self._kept[view.row, view.size] = picture
        return picture[:, ::-1] if view.mirrored else picture


class Stem:
    """Features of views from the frozen stages of a backbone, computed once where all of them fit in memory.

    Args:
        backbone: on ``device``.
        pictures: of the images that views are of.
        device: where features are computed, and kept.
        keeps: whether anything may be; not where each view differs from all before it.
        autocast: within it they are computed; half precision takes half the memory, too.
    """

    def __init__(
        self,
        backbone: Backbone,
        pictures: Pictures,
        device: torch.device,
        keeps: bool = True,
        autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
    ):
        self.backbone, self.pictures, self.device = backbone, pictures, device
        self._keeps, self._autocast = keeps, autocast
        self._kept: dict[View, torch.Tensor] = {}
        self.in_memory = False
        if backbone.frozen_stages and keeps:
            with torch.inference_mode():
                largest = max(pictures.sizes)
                probe = torch.zeros(1, 3, largest, largest, device=device)
                each = self._computed(probe).nbytes
            # Both views of each image at each size.
            self.in_memory = 2 * len(pictures.rows) * len(pictures.sizes) * each <= memory_budget()

    @property
    def at_hand(self) -> bool:
        """Whether views need no decoding, once each was seen."""
        return self.in_memory or (self._keeps and self.pictures.in_memory)

    def of(self, views: Sequence[View], pictures: torch.Tensor | None = None) -> torch.Tensor:
        """Stem features of views of one size; ``pictures`` are theirs, where already loaded."""
        if not self.in_memory:
            return self._computed(self._move(self.pictures.load(views) if pictures is None else pictures))
        views = [view._replace(turn=0) for view in views]
        new = [view for view in views if view not in self._kept]
        if new:
            features = self._computed(self._move(self.pictures.load(new)))
            self._kept.update(zip(new, features, strict=True))
        stacked = torch.stack([self._kept[view] for view in views])
        return stacked.contiguous(memory_format=torch.channels_last)

    def _computed(self, pictures: torch.Tensor) -> torch.Tensor:
        with self._autocast():
            return self.backbone.stem(pictures)

    def _move(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.to(self.device, non_blocking=True)

"""What else is changed of a picture at random each time it is shown: its crop, its colours, a blot on it.

All of it is drawn when a view is made, from the seed, the epoch and the view's place in it. So no number of
processes and no interruption changes a picture, and whoever needs to know what a view shows reads it off the
view: :meth:`wsdkd.training.views.View.regions` carries regions along.
"""

from typing import NamedTuple

import numpy as np
import torch

from wsdkd.data.images import WHOLE, Window
from wsdkd.networks.deferred_compiler import compiler_deferred
from wsdkd.training.params import Augmentation

with compiler_deferred():
    from torchvision.transforms.v2 import functional as F

ASPECTS = (3 / 4, 4 / 3)
"""Of a crop, width to height as a share of the picture's own."""
ERASED = (0.02, 0.2)
"""Share of the picture that a blot covers."""
GREY = 127


class Change(NamedTuple):
    """How one view differs from the whole picture, besides its size and mirroring."""

    window: Window
    colours: tuple[float, float, float]
    """Factors of brightness, contrast and saturation."""
    blot: Window | None
    """Of the network's input, which is grey there."""


def draw_change(params: Augmentation, seed: int, epoch: int, place: int) -> Change | None:
    """The change of one view; None where the parameters change nothing.

    Args:
        params: how much may change.
        seed: of the training.
        epoch: in which the view is shown.
        place: of the view in the epoch.
    """
    if not params.changes:
        return None
    # One more: zeros at the end of a seed count for nothing, and the order of images has the seed before.
    rng = np.random.default_rng([seed, epoch, place + 1])
    window = _part(rng, params.crop, 1.0) if params.crop < 1 else WHOLE
    brightness, contrast, saturation = (float(f) for f in 1 + params.colour * rng.uniform(-1, 1, size=3))
    blot = _part(rng, *ERASED) if rng.random() < params.erase else None
    return Change(window, (brightness, contrast, saturation), blot)


def _part(rng: np.random.Generator, least: float, most: float) -> Window:
    # A window of a share of the area between both and of a moderate shape, anywhere.
    share, aspect = rng.uniform(least, most), np.exp(rng.uniform(*np.log(ASPECTS)))
    width, height = min(1.0, np.sqrt(share * aspect)), min(1.0, np.sqrt(share / aspect))
    left, top = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    return Window(float(left), float(top), min(1.0, float(left + width)), min(1.0, float(top + height)))


def recoloured(picture: np.ndarray, change: Change) -> np.ndarray:
    """A view's picture, cropped already, with its colours changed and its blot: uint8 (size, size, 3)."""
    changed = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
    adjust = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation)
    for function, factor in zip(adjust, change.colours, strict=True):
        changed = changed if factor == 1 else function(changed, factor)
    if change.blot is not None:
        height, width = changed.shape[1:]
        left, right = (round(edge * width) for edge in (change.blot.left, change.blot.right))
        top, bottom = (round(edge * height) for edge in (change.blot.top, change.blot.bottom))
        changed = changed.clone()
        changed[:, top:bottom, left:right] = GREY
    return changed.permute(1, 2, 0).numpy()

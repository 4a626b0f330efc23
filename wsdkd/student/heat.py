"""Where a student sees a class: a value for each cell of its feature map.

With a classifier behind a pooled feature map it is the classifier applied to each cell on its own, the class
activation map of Zhou et al., "Learning Deep Features for Discriminative Localization" (CVPR 2016). A network
whose fully connected layers want several cells at once, such as VGG16, has none; there it is Grad-CAM
(Selvaraju et al., ICCV 2017): channels weighed by the mean of their gradient of the class's logit.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage

from wsdkd.student.network import Student

QUIET = 0.8
"""The share of a map's cells, those that speak least for a class, that stay without heat."""

WARM = 0.25
"""Of the greatest heat: half way up from the quiet cells, before heat is squared."""


def class_heat(model: Student, pictures: torch.Tensor, classes: Sequence[Sequence[int]]) -> list[np.ndarray]:
    """Heat of some classes in each picture.

    Args:
        model: in evaluation mode.
        pictures: (B, 3, H, W) as the student takes them, on its device.
        classes: for each picture, the places of the classes that are asked for.

    Returns:
        For each picture float32 (m, h, w) in [0, 1], where m is the number of its classes: 1 in the cell that
        speaks most for the class, 0 in the four fifths of the cells that speak least, and where all cells
        say the same. Values of two pictures cannot be compared.
    """
    if model.fully_connected is None:
        with torch.inference_mode():
            maps = model.cell_logits(model.embed(model.backbone(pictures)))
        found = [each[list(wanted)] for each, wanted in zip(maps, classes, strict=True)]
    else:
        with torch.no_grad():
            features = model.embed(model.backbone(pictures))
        found = [
            _gradient_maps(model, one[None], wanted) for one, wanted in zip(features, classes, strict=True)
        ]
    return [heat_of_logits(each.cpu().numpy()) for each in found]


def heat_of_logits(maps: np.ndarray) -> np.ndarray:
    """Heat, as of :func:`class_heat`, from how much each cell speaks for classes: (m, h, w) -> (m, h, w).

    Args:
        maps: :meth:`Student.cell_logits` of one picture, of the classes that are asked for.
    """
    return np.stack([_scaled(one) for one in maps])


def hot_box(heat: np.ndarray) -> tuple[float, float, float, float] | None:
    """The box around the cells that are warm and joined to the hottest one.

    Args:
        heat: (h, w), one map of :func:`class_heat`.

    Returns:
        (x1, y1, x2, y2) as shares of the picture's sides; None where all cells say the same.
    """
    if not heat.any():
        return None
    parts, _ = ndimage.label(heat >= WARM)
    rows, columns = np.nonzero(parts == parts[np.unravel_index(heat.argmax(), heat.shape)])
    height, width = heat.shape
    return (
        float(columns.min() / width),
        float(rows.min() / height),
        float((columns.max() + 1) / width),
        float((rows.max() + 1) / height),
    )


def _gradient_maps(model: Student, features: torch.Tensor, classes: Sequence[int]) -> torch.Tensor:
    # Feature map (1, C, h, w) -> (m, h, w).
    with torch.enable_grad():
        features = features.detach().clone().requires_grad_()
        logits = model.classify_embedded(features)[0]
        maps = []
        for label in classes:
            (gradient,) = torch.autograd.grad(logits[label], features, retain_graph=True)
            maps.append((gradient.mean(dim=(2, 3), keepdim=True) * features).sum(dim=1)[0].relu())
    return torch.stack(maps).detach().float()


def _scaled(heat: np.ndarray) -> np.ndarray:
    # Squared, as a map that fades slowly colours half the picture.
    least, most = np.quantile(heat, QUIET), heat.max()
    scaled: np.ndarray = (np.clip((heat - least) / max(most - least, 1e-12), 0, 1) ** 2).astype(np.float32)
    return scaled

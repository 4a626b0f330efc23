"""Where the teacher looks: for each class, training images that hold it with the teacher's best region."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

COLOUR = "#e8452c"
SIDE = 1.15  # inches of a picture


@dataclass(frozen=True)
class BestRegion:
    """One training image.

    Attributes:
        picture: uint8 (H, W, 3).
        box: (x1, y1, x2, y2) in pixels of ``picture``, the region of highest score S_rk.
        score: the image score p_k.
    """

    picture: np.ndarray
    box: tuple[float, float, float, float]
    score: float


def draw_region_page(classes: Sequence[tuple[str, Sequence[BestRegion]]]) -> Figure:
    """A row a class: its name, then its images, each with the box and above it the image score.

    Args:
        classes: name and images of each class, of which none needs to have as many as another.
    """
    columns = max((len(images) for _, images in classes), default=0) or 1
    rows = max(1, len(classes))
    figure = Figure(figsize=(SIDE * (columns + 0.9), (SIDE + 0.2) * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.ravel():
        axes.set(xticks=[], yticks=[], frame_on=False)
    for line, (name, images) in zip(grid, classes, strict=False):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        for axes, image in zip(line, images, strict=False):
            axes.imshow(image.picture)
            x1, y1, x2, y2 = image.box
            axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=COLOUR, linewidth=1.8))
            axes.set_title(f"{image.score:.2f}", fontsize=7, pad=2)
    return figure

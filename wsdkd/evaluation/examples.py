"""Photographs with what was seen in them: examples of the test split, the teacher's best regions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from wsdkd.cache.reader import TeacherCache
from wsdkd.data.images import decode_prepared
from wsdkd.data.tables import ImageRow
from wsdkd.evaluation.charts import as_written
from wsdkd.scores import image_scores
from wsdkd.teacher.detections import Detections

COLUMNS = 4
LINE = 58  # letters that fit below a picture
RIGHT, WRONG, MISSED = "✓", "✗", "○"


@dataclass(frozen=True)
class Example:
    """One test image.

    Attributes:
        picture: uint8 (H, W, 3).
        present: bool (K,), the annotated labels.
        known: bool (K,), False where a label is ignored.
        detections: of the teacher, in pixels of ``picture``.
        detected: bool (K,), classes that the teacher gives the image; each shows its best detection.
        predicted: for each network whose labels are written out, bool (K,).
    """

    picture: np.ndarray
    present: np.ndarray
    known: np.ndarray
    detections: Detections
    detected: np.ndarray
    predicted: Mapping[str, np.ndarray]


def draw_examples(examples: Sequence[Example], classes: Sequence[str]) -> Figure:
    """A grid of examples; below each what was right, wrong and missed by each network."""
    rows = max(1, -(-len(examples) // COLUMNS))
    figure = Figure(figsize=(3.3 * COLUMNS, 3.9 * rows), layout="constrained")
    grid = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes in grid:
        axes.set(xticks=[], yticks=[], frame_on=False)
    for axes, example in zip(grid, examples, strict=False):
        axes.imshow(example.picture)
        _draw_detections(axes, example, classes)
        said = [f"{name}: {verdict(example, name, classes)}" for name in example.predicted]
        text = "\n".join(line for item in said for line in wrap(item, LINE, subsequent_indent="    "))
        # Below the picture, as the axis label: constrained layout leaves room for it.
        axes.set_xlabel(text, fontsize=7, loc="left")
    return figure


def verdict(example: Example, network: str, classes: Sequence[str]) -> str:
    """What a network said of an image: right, wrong and missed labels, each with its mark."""
    predicted = example.predicted[network] & example.known
    marked = (
        (RIGHT, predicted & example.present),
        (WRONG, predicted & ~example.present),
        (MISSED, ~predicted & example.present & example.known),
    )
    said = [
        f"{mark} {as_written(classes[k])}" for mark, chosen in marked for k in np.flatnonzero(chosen).tolist()
    ]
    return "  ".join(said) or "nothing"


def _draw_detections(axes: Axes, example: Example, classes: Sequence[str]) -> None:
    labels, first = np.unique(example.detections.labels, return_index=True)
    for label, place in zip(labels.tolist(), first.tolist(), strict=True):
        if not example.detected[label]:
            continue
        x1, y1, x2, y2 = example.detections.boxes[place].tolist()
        colour = "#2ca02c" if example.present[label] else "#d62728"
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, linewidth=1.5))
        name = axes.text(x1 + 1, y1 + 1, as_written(classes[int(label)]), color="white", fontsize=6, va="top")
        name.set_bbox({"facecolor": colour, "edgecolor": "none", "pad": 1})


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
        line[0].set_ylabel(as_written(name), rotation=0, ha="right", va="center", fontsize=9)
        for axes, image in zip(line, images, strict=False):
            axes.imshow(image.picture)
            x1, y1, x2, y2 = image.box
            axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=COLOUR, linewidth=1.8))
            axes.set_title(f"{image.score:.2f}", fontsize=7, pad=2)
    return figure


def best_region_page(
    cache: TeacherCache, classes: Sequence[str], rows: Sequence[ImageRow], root: Path, images: int
) -> Figure:
    """The teacher's best region of each class in the first ``images`` of ``rows`` that hold it.

    Args:
        cache: holds the plain view of each of ``rows``.
        classes: names, in the order of the cache's logits.
        rows: training images.
        root: folder that their paths are relative to.
        images: of each class at the most.

    Raises:
        UserError: a photograph is gone or damaged since it was prepared.
    """
    held: list[list[ImageRow]] = [[] for _ in classes]
    for row in rows:
        for label in row.labels:
            if len(held[label]) < images:
                held[label].append(row)
    return draw_region_page(
        [
            (name, [_best(cache, root, row, label) for row in held[label]])
            for label, name in enumerate(classes)
        ]
    )


def _best(cache: TeacherCache, root: Path, row: ImageRow, label: int) -> BestRegion:
    view = cache.view(row.image_id, mirrored=False)
    x1, y1, x2, y2 = cache.best_regions(row.image_id)[label].tolist()
    score = image_scores(view.class_logits, view.detection_logits)[label]
    return BestRegion(np.asarray(decode_prepared(root / row.path)), (x1, y1, x2, y2), float(score))

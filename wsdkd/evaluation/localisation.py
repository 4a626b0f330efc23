"""How well objects are found, where boxes are annotated: CorLoc, recall of proposals, detection."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from wsdkd.average_precision import mean_over_classes
from wsdkd.data.boxes import pairwise_iou
from wsdkd.data.tables import ImageRow
from wsdkd.evaluation.detection import coco_average_precision, detection_ap, match
from wsdkd.evaluation.truth import ImageObjects, any_required
from wsdkd.ground.progress import track
from wsdkd.support import Ranking
from wsdkd.teacher.detections import Detections


def best_regions(boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The box of highest score for each class: (K, 4), from boxes (n, 4) and scores (n, K)."""
    best: np.ndarray = boxes[scores.argmax(axis=0)]
    return best


def correct_localisation(
    best: Iterable[np.ndarray], objects: Sequence[ImageObjects], num_classes: int, iou: float = 0.5
) -> np.ndarray:
    """Share of the images with a class in which the class's best region is on an object of it.

    An image has a class where it has an object of it that is neither difficult nor a crowd; only
    such objects can be hit. The usual split is the one the teacher was trained on.

    Args:
        best: of each image the best region of each class, (K, 4), in the order of ``objects``.
        objects: of each image.
        num_classes: K.
        iou: intersection over union from which a region is on an object.

    Returns:
        float64 (K,), percent; NaN for a class that no image has.
    """
    hits, images = np.zeros(num_classes), np.zeros(num_classes)
    for regions, real in zip(best, objects, strict=True):
        labels, boxes = real.labels[~real.optional], real.boxes[~real.optional]
        present = np.unique(labels)
        overlaps = pairwise_iou(regions[present].astype(np.float64), boxes)
        overlaps[present[:, None] != labels[None, :]] = 0
        hits[present] += (overlaps >= iou).any(axis=1)
        images[present] += 1
    return np.divide(100 * hits, images, out=np.full(num_classes, np.nan), where=images > 0)


def proposal_recall(
    proposals: Iterable[np.ndarray],
    objects: Sequence[ImageObjects],
    ious: Sequence[float] = (0.5, 0.7),
    best: int | None = None,
) -> dict[float, float]:
    """Share of the objects that overlap one of their image's proposals by at least each IoU.

    Difficult objects and crowds are left out. A proposal may be on several objects, as in Hosang et
    al. (PAMI 2016): what matters is whether the teacher gets to see the object at all.

    Args:
        proposals: of each image boxes (n, 4), best first, in the order of ``objects``, both in pixels
            of the original image.
        objects: of each image.
        ious: thresholds, in (0, 1].
        best: look at the first this many proposals of an image; by default at all.

    Returns:
        Percent for each of ``ious``; NaN where there are no objects.
    """
    overlaps = [np.zeros(0)]
    for boxes, real in zip(proposals, objects, strict=True):
        targets = real.boxes[~real.optional]
        table = pairwise_iou(targets, np.asarray(boxes[:best], dtype=np.float64))
        overlaps.append(table.max(axis=1, initial=0))
    reached = np.concatenate(overlaps)
    if len(reached) == 0:
        return {iou: float("nan") for iou in ious}
    return {iou: float(100 * (reached >= iou).mean()) for iou in ious}


@dataclass
class Localisation:
    """How well objects are found.

    Attributes:
        teacher: ``AP50`` (VOC, all points), ``AP50_11_point`` (VOC 2007), ``COCO_AP``, ``COCO_AP50``,
            ``COCO_AP75`` and ``CorLoc``, in percent.
        proposals: ``recall_0.5``, ``recall_0.7`` in percent, and ``boxes_per_image``.
        absent: for each group of figures that could not be had, the reason.
        ap50: AP50 of each class (K,), NaN for a class without objects; None where no boxes are known.
    """

    teacher: dict[str, float] = field(default_factory=dict)
    proposals: dict[str, float] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    ap50: np.ndarray | None = None


def localisation(
    detections: Sequence[Detections],
    proposals: Iterable[np.ndarray],
    test_objects: Sequence[ImageObjects],
    best: Iterable[np.ndarray],
    train_objects: Sequence[ImageObjects],
    num_classes: int,
) -> Localisation:
    """Score detections and proposals of the test images, and the best regions of the training images.

    Args:
        detections: of each test image; not looked at where no test image has a box.
        proposals: boxes (n, 4) of each test image that the teacher was given.
        test_objects: of each test image.
        best: of each training image the teacher's best region of each class (K, 4); drawn from only
            where a training image has a box.
        train_objects: of each training image.
        num_classes: K.
    """
    result = Localisation()
    if any_required(test_objects):
        matches = match(detections, test_objects, num_classes)
        result.ap50 = detection_ap(matches)
        result.teacher["AP50"] = mean_over_classes(result.ap50)
        result.teacher["AP50_11_point"] = mean_over_classes(detection_ap(matches, "voc2007"))
        result.teacher |= coco_average_precision(detections, test_objects, num_classes)
        counts: list[int] = []
        for iou, recall in proposal_recall(_counted(proposals, counts), test_objects).items():
            result.proposals[f"recall_{iou}"] = recall
        result.proposals["boxes_per_image"] = float(np.mean(counts))
    else:
        result.absent["AP50, COCO_AP and recall of proposals"] = "no test image has annotated boxes"
    if any_required(train_objects):
        located = correct_localisation(best, train_objects, num_classes)
        result.teacher["CorLoc"] = mean_over_classes(located)
    else:
        result.absent["CorLoc"] = "no training image has annotated boxes"
    return result


def _counted(proposals: Iterable[np.ndarray], counts: list[int]) -> Iterator[np.ndarray]:
    for boxes in proposals:
        counts.append(len(boxes))
        yield boxes


class BestRegions(Protocol):
    """What tells where a teacher sees each class best: its cache, or itself."""

    @property
    def ranking(self) -> Ranking:
        """What regions are ranked by."""

    @property
    def settings(self) -> dict[str, Any]:
        """Parameters under ``cache``, versions of packages under ``software``."""

    def best_of(self, rows: Sequence[ImageRow], root: Path, /) -> Iterator[np.ndarray]:
        """The best region of each class, (K, 4) in pixels of the original, image by image."""


def best_training_regions(teacher: BestRegions, rows: Sequence[ImageRow], root: Path) -> Iterator[np.ndarray]:
    """The teacher's best region of each class, (K, 4) in pixels of the original, image by image.

    Args:
        teacher: knows each of ``rows``.
        rows: training images.
        root: folder that their paths are relative to.
    """
    return iter(track(teacher.best_of(rows, root), "best regions of training images", total=len(rows)))

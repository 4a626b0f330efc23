"""Everything that needs annotated boxes, where there are any."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from wsdkd.evaluation.coco_ap import coco_average_precision
from wsdkd.evaluation.corloc import correct_localisation
from wsdkd.evaluation.detection import detection_ap, match
from wsdkd.evaluation.ranking import mean_over_classes
from wsdkd.evaluation.recall import proposal_recall
from wsdkd.evaluation.truth import ImageObjects, any_required
from wsdkd.inference.detections import Detections


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

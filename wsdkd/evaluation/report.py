"""From scores and detections to the numbers that are reported, under the names they are reported by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wsdkd.evaluation import bootstrap
from wsdkd.evaluation.coco_ap import coco_average_precision
from wsdkd.evaluation.detection import detection_ap, match
from wsdkd.evaluation.ranking import average_precisions, mean_over_classes
from wsdkd.evaluation.thresholded import precision_recall_f1, predicted_above, predicted_top_k
from wsdkd.evaluation.truth import ImageObjects
from wsdkd.inference.detections import Detections
from wsdkd.params.evaluation import EvaluationParams

NETWORKS = ("baseline", "teacher", "student")


@dataclass(frozen=True)
class Truth:
    """Image-level labels of the test images.

    Attributes:
        labels: (N, K), 1 where a class is present.
        known: bool (N, K), False where the label is ignored.
    """

    labels: np.ndarray
    known: np.ndarray


def classification(scores: np.ndarray, truth: Truth, params: EvaluationParams) -> dict[str, float]:
    """mAP, and CP to OF1 by threshold and, with their prefix, for the top k labels; all in percent.

    Args:
        scores: (N, K), probabilities.
        truth: of the same images.
        params: threshold, k and the rule for the top k.
    """
    labels, known = truth.labels, truth.known
    above = predicted_above(scores, known, params.threshold)
    top = predicted_top_k(scores, known, params.top_k, params.top_k_rule, params.threshold)
    return {
        "mAP": mean_over_classes(average_precisions(scores, labels, known)),
        **precision_recall_f1(above, labels, known),
        **{
            f"top{params.top_k}_{name}": value
            for name, value in precision_recall_f1(top, labels, known).items()
        },
    }


def comparison(scores: Mapping[str, np.ndarray], truth: Truth) -> dict[str, Any]:
    """What distillation brought.

    Args:
        scores: (N, K) of each of ``NETWORKS``.
        truth: of the same images.

    Returns:
        ``gain_mAP``, student less baseline in points, with ``gain_mAP_interval``; ``gap_recovered``,
        that gain over teacher less baseline, None with a reason where the teacher does not lead.
    """
    means = {
        name: mean_over_classes(average_precisions(scores[name], truth.labels, truth.known))
        for name in NETWORKS
    }
    gain, lead = means["student"] - means["baseline"], means["teacher"] - means["baseline"]
    interval = bootstrap.gain_interval(scores["baseline"], scores["student"], truth.labels, truth.known)
    result = {"gain_mAP": gain, "gain_mAP_interval": list(interval)}
    if lead > 0:
        return {**result, "gap_recovered": gain / lead}
    reason = f"the teacher does not lead the baseline (by {lead:.2f} points), so there is no gap to recover"
    return {**result, "gap_recovered": None, "gap_recovered_reason": reason}


def localisation(
    detections: Sequence[Detections], objects: Sequence[ImageObjects], num_classes: int, coco: bool
) -> tuple[dict[str, float], np.ndarray]:
    """The teacher's detections by VOC's rules and, where ``coco``, by COCO's; in percent.

    Args:
        detections: of each test image, in the order of ``objects``.
        objects: of each test image.
        num_classes: K.
        coco: whether COCO's own figures are wanted too.

    Returns:
        ``AP50`` (all-points), ``AP50_11_point`` (VOC 2007) and COCO's, and the AP50 of each class (K,).
    """
    matches = match(detections, objects, num_classes)
    per_class = detection_ap(matches)
    result = {
        "AP50": mean_over_classes(per_class),
        "AP50_11_point": mean_over_classes(detection_ap(matches, "voc2007")),
    }
    if coco:
        result |= coco_average_precision(detections, objects, num_classes)
    return result, per_class


def rounded(value: Any) -> Any:
    """A copy of a tree of dictionaries and lists with all its floats at four decimals."""
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value

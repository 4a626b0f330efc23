"""From scores and detections to the numbers that are reported, under the names they are reported by."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wsdkd.average_precision import average_precisions, mean_over_classes
from wsdkd.evaluation import bootstrap
from wsdkd.evaluation.calibration import ECE_BINS, calibration_error, negative_log_likelihood
from wsdkd.evaluation.operating_point import OperatingPoint
from wsdkd.evaluation.params import NETWORKS, EvaluationParams
from wsdkd.evaluation.thresholded import precision_recall_f1, predicted_above, predicted_top_k
from wsdkd.evaluation.truth import Truth
from wsdkd.networks.params import Precision
from wsdkd.student.params import BaselineParams
from wsdkd.support import Ranking
from wsdkd.teacher.run import PictureView


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


def at_operating_point(logits: np.ndarray, truth: Truth, point: OperatingPoint) -> dict[str, float]:
    """How labels fare at a student's operating point, and how far its probabilities are from the truth.

    Args:
        logits: (N, K).
        truth: of the same images.
        point: of the student.

    Returns:
        ``NLL`` and ``ECE`` of the scores as they are. Where validation images chose the operating point, also
        ``NLL_calibrated``, ``ECE_calibrated``, and CP to OF1 at its thresholds, as ``chosen_CP`` to
        ``chosen_OF1``. NLL is in nats an image; all others are in percent.
    """
    labels, known = truth.labels, truth.known
    found = _calibration(logits, truth, "")
    if not point.chosen:
        return found
    chosen = precision_recall_f1(point.given(logits), labels, known)
    return {
        **found,
        **_calibration(point.calibration.logits(logits), truth, "_calibrated"),
        **{f"chosen_{name}": value for name, value in chosen.items()},
    }


def _calibration(logits: np.ndarray, truth: Truth, ending: str) -> dict[str, float]:
    return {
        f"NLL{ending}": negative_log_likelihood(logits, truth.labels, truth.known),
        f"ECE{ending}": calibration_error(logits, truth.labels, truth.known),
    }


def comparison(scores: Mapping[str, np.ndarray], truth: Truth) -> dict[str, Any]:
    """What distillation brought.

    Args:
        scores: (N, K) of each of :data:`~wsdkd.evaluation.params.NETWORKS`.
        truth: of the same images.

    Returns:
        ``gain_mAP``, student less baseline in points, with ``gain_mAP_interval``; ``mAP_intervals``,
        of each network; ``gap_recovered``, that gain over teacher less baseline, None with a reason where
        the teacher does not lead.
    """
    means = {
        name: mean_over_classes(average_precisions(scores[name], truth.labels, truth.known))
        for name in NETWORKS
    }
    gain, lead = means["student"] - means["baseline"], means["teacher"] - means["baseline"]
    interval, each = bootstrap.gain_and_mean_intervals(scores, truth.labels, truth.known)
    result = {
        "gain_mAP": gain,
        "gain_mAP_interval": list(interval),
        "mAP_intervals": {name: list(each[name]) for name in NETWORKS},
    }
    if lead > 0:
        return {**result, "gap_recovered": gain / lead}
    reason = f"the teacher does not lead the baseline (by {lead:.2f} points), so there is no gap to recover"
    return {**result, "gap_recovered": None, "gap_recovered_reason": reason}


def protocol(
    params: EvaluationParams,
    precision: Precision,
    views: Sequence[PictureView],
    ranking: Ranking,
    points: Mapping[str, OperatingPoint],
    baseline: BaselineParams,
) -> dict[str, Any]:
    """The names of the rules that the numbers were made by.

    Args:
        params: of the evaluation.
        precision: in which networks computed.
        views: of a test image, that the teacher saw.
        ranking: what its regions were ranked by.
        points: of baseline and student.
        baseline: what that learned from.
    """
    sizes = list(dict.fromkeys(str(view.size) for view in views))
    mirrored = " and mirrored" if any(view.mirrored for view in views) else ""
    return {
        "AP": "non-interpolated",
        "baseline": baseline.described(),
        "threshold": params.threshold,
        "operating_points": {name: point.protocol() for name, point in points.items()},
        "calibration_error": f"{ECE_BINS} bins of equal width, labels of all classes together",
        "top_k": params.top_k,
        "top_k_rule": params.top_k_rule,
        "unlabelled": params.unlabelled,
        "ignored_labels": "left out",
        "interval_level": bootstrap.LEVEL,
        "interval": f"bootstrap over test images, {bootstrap.DRAWS} draws",
        "precision": precision,
        "teacher_views": f"{', '.join(sizes)} px{mirrored}",
        "detections": f"at most {params.detections} an image, NMS at IoU {params.nms_iou}",
        "regions_ranked_by": ranking,
        "AP50": "VOC, all points, all test images",
        "CorLoc": "train split, one view, as cached",
    }

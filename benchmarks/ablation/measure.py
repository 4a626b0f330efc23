"""From the scores of a cell to its figures, in percent."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wsdkd.average_precision import average_precisions
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.evaluation.report import classification
from wsdkd.evaluation.truth import ImageObjects, Truth


@dataclass(frozen=True)
class Parts:
    """What the mean over all images and classes hides.

    Attributes:
        small: bool (N, K), the largest object of the class in the image is among the smaller half of
            such objects in the split, by share of the image's area; None where there are no boxes.
        large: bool (N, K), it is not.
        rare: bool (K,), the class is among the half that is rarer in training.
    """

    small: np.ndarray | None
    large: np.ndarray | None
    rare: np.ndarray


def find_parts(
    objects: Sequence[ImageObjects], areas: Sequence[int], train_images: np.ndarray, num_classes: int
) -> Parts:
    """Split pairs of image and class by the size of what is there, and classes by how often they occur.

    Args:
        objects: annotated objects of each of the N images that are scored.
        areas: of those images, in square pixels.
        train_images: (K,), training images of each class.
        num_classes: K.
    """
    largest = np.full((len(objects), num_classes), np.nan)
    for place, (item, area) in enumerate(zip(objects, areas, strict=True)):
        sides = item.boxes[:, 2:] - item.boxes[:, :2]
        for label, share in zip(item.labels.tolist(), (sides.prod(axis=1) / area).tolist(), strict=True):
            largest[place, label] = np.nanmax([largest[place, label], share])
    order = np.argsort(train_images, kind="stable")
    rare = np.zeros(num_classes, dtype=bool)
    rare[order[: num_classes // 2]] = True
    if np.isnan(largest).all():
        return Parts(None, None, rare)
    median = float(np.nanmedian(largest))
    with np.errstate(invalid="ignore"):
        return Parts(largest <= median, largest > median, rare)


def figures(scores: np.ndarray, truth: Truth, parts: Parts, params: EvaluationParams) -> dict[str, float]:
    """mAP, CF1, OF1, those of the top k, and mAP of small and large objects, rare and frequent classes.

    An object's size splits the positives: against them stand all images without the class, and the
    images that hold it in the other size are left out.
    """
    whole = classification(scores, truth, params)
    top = f"top{params.top_k}"
    result = {
        "mAP": whole["mAP"],
        "CF1": whole["CF1"],
        "OF1": whole["OF1"],
        "top_CF1": whole[f"{top}_CF1"],
        "top_OF1": whole[f"{top}_OF1"],
    }
    each = average_precisions(scores, truth.labels, truth.known)
    result |= {"rare": _mean(each[parts.rare]), "frequent": _mean(each[~parts.rare])}
    for name, held in (("small", parts.small), ("large", parts.large)):
        if held is not None:
            counted = truth.known & (held | (truth.labels == 0))
            result[name] = _mean(average_precisions(scores, truth.labels, counted))
    return result


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")

"""What a student's validation images say of its logits: counts of labels that were there, and that were not.

They are kept with the student. From them alone come calibrated probabilities and thresholds of classes, for
whatever precision or recall is wanted later, without a picture (:mod:`wsdkd.evaluation.operating_point`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wsdkd.ground.errors import UserError
from wsdkd.ground.reading import read_json
from wsdkd.networks.description import DESCRIPTION, VALIDATION

QUANTILES = 100
"""Of the logits of present labels, and as many of absent ones: where one bin ends and the next begins."""
DECIMALS = 4


@dataclass(frozen=True)
class ValidationCounts:
    """Known labels of the validation images by class and bin of their logit, over all images.

    Attributes:
        images: how many there are.
        edges: float64 (M - 1,), ascending; a logit z is in bin m when edges[m - 1] < z <= edges[m].
        logits: float64 (M,), mean over all labels in the bin.
        present: int64 (K, M), labels that are there.
        absent: int64 (K, M), labels that are not.
    """

    images: int
    edges: np.ndarray
    logits: np.ndarray
    present: np.ndarray
    absent: np.ndarray

    def described(self, classes: Sequence[str]) -> dict[str, Any]:
        """As JSON keeps it: a text of numbers for each array, and for each of ``classes``."""
        return {
            "images": self.images,
            "edges": _text(self.edges),
            "logits": _text(self.logits),
            "present": {name: _text(row) for name, row in zip(classes, self.present, strict=True)},
            "absent": {name: _text(row) for name, row in zip(classes, self.absent, strict=True)},
        }


def count_labels(logits: np.ndarray, labels: np.ndarray, known: np.ndarray) -> ValidationCounts | None:
    """Count the labels of validation images.

    Args:
        logits: float32 (N, K).
        labels: (N, K), 1 where a class is present.
        known: bool (N, K), False where the label is ignored: it is not counted.

    Returns:
        None where nothing can be learned from the images: no label is there, or a logit is not finite.
    """
    present = (labels > 0) & known
    absent = (labels <= 0) & known
    if not present.any() or not np.isfinite(logits).all():
        return None
    logits = logits.astype(np.float64)
    at = np.linspace(0, 1, QUANTILES)
    ends = [np.quantile(logits[chosen], at) for chosen in (present, absent) if chosen.any()]
    edges = np.unique(np.round(np.concatenate(ends), DECIMALS))
    bins = np.searchsorted(edges, logits)
    size = len(edges) + 1
    totals = np.bincount(bins[known], minlength=size)
    sums = np.bincount(bins[known], logits[known], minlength=size)
    # An empty bin has no mean; it counts nothing, whatever stands there.
    means = np.divide(sums, totals, out=np.append(edges, edges[-1]), where=totals > 0)
    counts = [
        np.stack([np.bincount(bins[chosen[:, k], k], minlength=size) for k in range(logits.shape[1])])
        for chosen in (present, absent)
    ]
    return ValidationCounts(len(logits), edges, np.round(means, DECIMALS), *counts)


def read_validation(folder: Path, classes: Sequence[str]) -> ValidationCounts | None:
    """The counts that a student in ``folder`` keeps; None where it was saved without any.

    Raises:
        UserError: the description is damaged.
    """
    path = folder / DESCRIPTION
    kept = read_json(path).get(VALIDATION)
    if kept is None:
        return None
    try:
        counts = ValidationCounts(
            int(kept["images"]),
            _numbers(kept["edges"], float),
            _numbers(kept["logits"], float),
            *(
                np.stack([_numbers(kept[name][each], int) for each in classes])
                for name in ("present", "absent")
            ),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: {VALIDATION}: not what a training writes there: {error}") from None
    size = len(counts.edges) + 1
    if counts.present.shape[1] != size or counts.absent.shape[1] != size or len(counts.logits) != size:
        raise UserError(f"{path}: {VALIDATION}: expected {size} bins, one more than edges, in each list")
    return counts


def _text(values: np.ndarray) -> str:
    return " ".join(map(str, values.tolist()))


def _numbers(text: str, kind: type) -> np.ndarray:
    return np.array([kind(word) for word in text.split()])

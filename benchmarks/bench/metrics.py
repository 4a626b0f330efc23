"""The metrics of an evaluation, against two libraries that compute the same numbers."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
import torch
from sklearn.metrics import average_precision_score, precision_recall_fscore_support
from torchmetrics.functional.classification import (
    multilabel_average_precision,
    multilabel_precision,
    multilabel_recall,
)

from benchmarks.bench.alternate import alternate
from benchmarks.bench.row import Measured, Row
from benchmarks.bench.world import World
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.evaluation.report import classification
from wsdkd.evaluation.truth import Truth

LABELS_AN_IMAGE = 2.9  # of MS-COCO
TOLERANCE = 1e-3  # percentage points; torchmetrics computes in fp32
AVERAGES: tuple[Literal["macro", "micro"], ...] = ("macro", "micro")

Numbers = Callable[[np.ndarray, np.ndarray, EvaluationParams], list[float]]
"""From scores and labels (N, K) to mAP, to CP, CR, OP, OR above the threshold and to those of the top k."""

OURS = ("mAP", *(f"{prefix}{name}" for prefix in ("", "top3_") for name in ("CP", "CR", "OP", "OR")))


def by_scikit_learn(scores: np.ndarray, labels: np.ndarray, params: EvaluationParams) -> list[float]:
    """As :data:`Numbers`."""
    found = [float(average_precision_score(labels, scores, average="macro"))]
    best = np.argpartition(-scores, params.top_k, axis=1)[:, : params.top_k]
    top = np.zeros_like(labels)
    np.put_along_axis(top, best, 1, axis=1)
    for predicted in ((scores > params.threshold).astype(labels.dtype), top):
        for average in AVERAGES:
            result = precision_recall_fscore_support(labels, predicted, average=average, zero_division=0)
            found += [float(value) for value in result[:2]]
    return [100 * value for value in found]


def by_torchmetrics(scores: np.ndarray, labels: np.ndarray, params: EvaluationParams) -> list[float]:
    """As :data:`Numbers`."""
    given, target = torch.from_numpy(scores), torch.from_numpy(labels).long()
    classes = scores.shape[1]
    found = [float(multilabel_average_precision(given, target, classes, average="macro", thresholds=None))]
    top = torch.zeros_like(given).scatter(1, given.topk(params.top_k, dim=1).indices, 1.0)
    for predicted in (given, top):
        for average in AVERAGES:
            found += [
                float(figure(predicted, target, classes, params.threshold, average=average))
                for figure in (multilabel_precision, multilabel_recall)
            ]
    return [100 * value for value in found]


def _measure(world: World, reference: Numbers) -> Measured:
    images, classes = world.sizes.scored, world.sizes.classes
    scores, labels = _made_up(images, classes)
    truth, params = Truth(labels, np.ones(labels.shape, dtype=bool)), EvaluationParams()
    ours = classification(scores, truth, params)
    np.testing.assert_allclose(
        [ours[name] for name in OURS], reference(scores, labels, params), atol=TOLERANCE
    )
    return alternate(
        lambda: classification(scores, truth, params),
        lambda: reference(scores, labels, params),
        world.sizes.pairs,
        items=1,
        item="evaluation",
        note=f"{images:,} images of {classes} classes; mAP, and CP, CR, OP, OR above a threshold and of "
        "the top 3; both give the same numbers",
    )


def _made_up(images: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    # Every class has a positive, as the libraries do not agree with the field on those that have none.
    rng = np.random.default_rng(0)
    labels = rng.random((images, classes)) < LABELS_AN_IMAGE / classes
    labels[np.arange(classes), np.arange(classes)] = True
    logits = rng.normal(size=labels.shape) - 3 + 4 * labels
    return (1 / (1 + np.exp(-logits))).astype(np.float32), labels.astype(np.float32)


ROWS = (
    Row(
        "metrics_scikit_learn",
        "metrics of an evaluation",
        "the same numbers by scikit-learn",
        partial(_measure, reference=by_scikit_learn),
        target=5.0,
    ),
    Row(
        "metrics_torchmetrics",
        "metrics of an evaluation",
        "the same numbers by torchmetrics",
        partial(_measure, reference=by_torchmetrics),
        target=5.0,
    ),
)

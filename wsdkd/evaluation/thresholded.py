"""Precision, recall and F1 of predicted label sets: per class (CP, CR, CF1) and overall (OP, OR, OF1).

Two things that go by the same names are not computed here: F1 averaged over classes (macro-F1) is
not CF1, the harmonic mean of CP and CR; and nothing is told how many labels an image truly has.
"""

from typing import Literal

import numpy as np

TopKRule = Literal["always", "above_threshold"]

NAMES = ("CP", "CR", "CF1", "OP", "OR", "OF1")


def predicted_above(scores: np.ndarray, known: np.ndarray, threshold: float | np.ndarray) -> np.ndarray:
    """Labels whose score is strictly above ``threshold``, one or one a class (K,), among the known ones.

    Returns:
        bool (N, K).
    """
    result: np.ndarray = (scores > threshold) & known
    return result


def predicted_top_k(
    scores: np.ndarray, known: np.ndarray, k: int, rule: TopKRule, threshold: float
) -> np.ndarray:
    """The k best-scored known labels of each image.

    Ignored labels take no place among the k; of equal scores the earlier class wins; an image with
    fewer than k known labels has fewer.

    Args:
        scores: (N, K).
        known: bool (N, K), False where the label is ignored.
        k: labels an image.
        rule: ``always`` keeps a label whatever its score, as most of the field does;
            ``above_threshold`` keeps it only above ``threshold``, as ML-GCN's code does.
        threshold: used by ``above_threshold`` alone.

    Returns:
        bool (N, K).
    """
    left = np.where(known, scores, -np.inf)
    predicted = np.zeros(scores.shape, dtype=bool)
    images = np.arange(len(scores))
    # The first of the greatest, k times over: a few labels an image are found faster so than by sorting all.
    for _ in range(min(k, scores.shape[1])):
        best = left.argmax(axis=1)
        predicted[images, best] = True
        left[images, best] = -np.inf
    if rule == "above_threshold":
        predicted &= scores > threshold
    predicted &= known
    return predicted


def precision_recall_f1(predicted: np.ndarray, labels: np.ndarray, known: np.ndarray) -> dict[str, float]:
    """CP, CR, CF1, OP, OR and OF1 in percent.

    CP and CR are means over the classes with a positive: a class that is never predicted has
    precision 0; one without positives is left out of both. OP and OR pool all labels of all
    classes. CF1 and OF1 are harmonic means of the two figures before them.

    Args:
        predicted: bool (N, K), the predicted labels.
        labels: (N, K), 1 where a class is present.
        known: bool (N, K), False where the label is ignored: it counts nowhere.

    Raises:
        ValueError: no class has a positive.
    """
    present = (labels > 0) & known
    predicted = predicted & known
    correct = (predicted & present).sum(axis=0)
    guessed, real = predicted.sum(axis=0), present.sum(axis=0)
    scored = real > 0
    if not scored.any():
        raise ValueError("no class has a positive, so there is no recall")
    class_precision = float(np.mean(correct[scored] / np.maximum(guessed[scored], 1)))
    class_recall = float(np.mean(correct[scored] / real[scored]))
    precision = float(correct.sum() / max(guessed.sum(), 1))
    recall = float(correct.sum() / real.sum())
    values = (
        class_precision,
        class_recall,
        _harmonic(class_precision, class_recall),
        precision,
        recall,
        _harmonic(precision, recall),
    )
    return {name: 100 * value for name, value in zip(NAMES, values, strict=True)}


def precision_and_recall(
    predicted: np.ndarray, labels: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall of each class in percent, float64 (K,) both; NaN for a class without positives.

    Args:
        predicted: bool (N, K), the predicted labels.
        labels: (N, K), 1 where a class is present.
        known: bool (N, K), False where the label is ignored: it counts nowhere.
    """
    present = (labels > 0) & known
    predicted = predicted & known
    correct, guessed, real = (each.sum(axis=0) for each in (predicted & present, predicted, present))
    precision = np.where(real > 0, 100 * correct / np.maximum(guessed, 1), np.nan)
    recall = np.where(real > 0, 100 * correct / np.maximum(real, 1), np.nan)
    return precision, recall


def _harmonic(first: float, second: float) -> float:
    return 2 * first * second / (first + second) if first + second > 0 else 0.0

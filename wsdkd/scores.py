"""From region logits of one image to its scores, on arrays (WSDDN; release)."""

import numpy as np


def region_scores(
    class_logits: np.ndarray,
    detection_logits: np.ndarray,
    class_temperature: float = 1.0,
    detection_temperature: float = 1.0,
) -> np.ndarray:
    """S = softmax over classes of M^c / t^c times softmax over regions of M^d / t^d.

    Args:
        class_logits: M^c, (n, K), of any precision; computed with in single.
        detection_logits: M^d, (n, K), likewise.
        class_temperature: t^c.
        detection_temperature: t^d.

    Returns:
        float32 (n, K).
    """
    over_classes = _softmax(class_logits.astype(np.float32) / class_temperature, axis=1)
    return over_classes * _softmax(detection_logits.astype(np.float32) / detection_temperature, axis=0)


def refined_scores(logits: np.ndarray) -> np.ndarray | None:
    """Probability of each class, the mean of the branches of refinement (OICR): float32 (n, K).

    Args:
        logits: (n, N, K + 1), of N branches, background last.

    Returns:
        None where there are no branches.
    """
    if not logits.shape[1]:
        return None
    scores: np.ndarray = _softmax(logits.astype(np.float32), axis=2)[:, :, :-1].mean(axis=1)
    return scores


def image_scores(
    class_logits: np.ndarray,
    detection_logits: np.ndarray,
    class_temperature: float = 1.0,
    detection_temperature: float = 1.0,
) -> np.ndarray:
    """p_k, the sum of :func:`region_scores` over the image's regions: float32 (K,)."""
    scores: np.ndarray = region_scores(
        class_logits, detection_logits, class_temperature, detection_temperature
    ).sum(axis=0)
    return scores


def _softmax(logits: np.ndarray, axis: int) -> np.ndarray:
    exponents = np.exp(logits - logits.max(axis=axis, keepdims=True))
    result: np.ndarray = exponents / exponents.sum(axis=axis, keepdims=True)
    return result

"""Which labels a picture is given, once a student has scored it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

THRESHOLD = 0.5
"""Labels scored above it are given where nobody says otherwise."""


@dataclass(frozen=True)
class Choice:
    """Which labels are given to a picture.

    Attributes:
        classes: names of the K classes.
        threshold: labels scored above it are given.
        top: at most this many of them, the best; None for all.
    """

    classes: Sequence[str]
    threshold: float
    top: int | None

    def labels(self, scores: np.ndarray) -> list[tuple[str, float]]:
        """Names and probabilities, the best first, of the labels given for ``scores`` (K,)."""
        order = np.argsort(-scores, kind="stable")
        above = [(self.classes[k], float(scores[k])) for k in order if scores[k] > self.threshold]
        return above[: self.top]

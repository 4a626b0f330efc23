"""What a network gets wrong: the pictures that show it best, and which label it gives in place of which."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Chosen:
    """Places of images that show how a class fares, the clearest first.

    Attributes:
        hits: that have the class and were given it, at the highest scores.
        misses: that have it and were not given it, at the lowest scores.
        mistakes: that do not have it and were given it, at the highest scores.
    """

    hits: list[int]
    misses: list[int]
    mistakes: list[int]

    def all(self) -> list[int]:
        """Every one of them."""
        return [*self.hits, *self.misses, *self.mistakes]


def choose_images(
    scores: np.ndarray, given: np.ndarray, present: np.ndarray, known: np.ndarray, most: int
) -> Chosen:
    """Images that show how one class fares; of equal scores the earlier image comes first.

    Args:
        scores: (N,) of the class.
        given: bool (N,), where the class was given.
        present: bool (N,), where it is.
        known: bool (N,), False where the label is ignored: such an image is not chosen.
        most: of each kind.
    """
    best, worst = np.argsort(-scores, kind="stable"), np.argsort(scores, kind="stable")

    def first(order: np.ndarray, wanted: np.ndarray) -> list[int]:
        places: list[int] = order[wanted[order]][:most].tolist()
        return places

    return Chosen(
        first(best, known & present & given),
        first(worst, known & present & ~given),
        first(best, known & ~present & given),
    )


def given_in_place(given: np.ndarray, present: np.ndarray, known: np.ndarray) -> np.ndarray:
    """How often class j was given wrongly to an image in which class k was missed: int64 (K, K), [k, j].

    Args:
        given: bool (N, K).
        present: bool (N, K).
        known: bool (N, K), False where the label is ignored: it is neither missed nor wrong.
    """
    missed = (present & ~given & known).astype(np.float32)
    wrong = (given & ~present & known).astype(np.float32)
    counts: np.ndarray = np.rint(missed.T @ wrong).astype(np.int64)
    return counts


def most_frequent_pairs(counts: np.ndarray, most: int) -> list[tuple[int, int, int]]:
    """The greatest of :func:`given_in_place` as (missed, given, images); of equal ones the earlier first."""
    order = np.argsort(-counts, axis=None, kind="stable")[:most]
    pairs = [(*(int(axis) for axis in np.unravel_index(place, counts.shape)),) for place in order]
    return [(k, j, int(counts[k, j])) for k, j in pairs if counts[k, j] > 0]


def reliability(
    scores: np.ndarray, present: np.ndarray, known: np.ndarray, bins: int = 10
) -> list[tuple[float, float, int]]:
    """How often labels are there, by the score that they have: a point for each bin of equal width.

    Args:
        scores: (N, K), probabilities.
        present: bool (N, K).
        known: bool (N, K).
        bins: from 0 to 1.

    Returns:
        Mean score, share of labels that are there, and number of labels, of each bin that has any.
    """
    values, there = scores[known].astype(np.float64), present[known]
    places = np.minimum((values * bins).astype(int), bins - 1)
    counts = np.bincount(places, minlength=bins)
    sums, hits = (np.bincount(places, weights, bins) for weights in (values, there))
    return [
        (float(sums[place] / counts[place]), float(hits[place] / counts[place]), int(counts[place]))
        for place in np.flatnonzero(counts)
    ]

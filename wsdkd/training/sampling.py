"""How often each image is shown in an epoch, where rare classes shall be seen more often than they occur."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from wsdkd.data.tables import UNLABELLED, ImageRow


def repeat_factors(rows: Sequence[ImageRow], threshold: float) -> np.ndarray | None:
    """Repeat factors of images (Gupta et al., "LVIS", CVPR 2019): r_i = max over its classes c of r_c.

    r_c = max(1, sqrt(t / f_c)), where f_c is the share of images that hold class c: a class in fewer images
    than t counts for more, by the square root of how much rarer it is. Shares are of images with labels.

    Args:
        rows: images that are learned from; the factor of one of split ``unlabelled`` is 1.
        threshold: t, in [0, 1).

    Returns:
        float64 (N,), each at least 1; None where all are 1.
    """
    if threshold == 0:
        return None
    counts = Counter(label for row in rows for label in row.labels)
    labelled = sum(row.split != UNLABELLED for row in rows)
    of_class = {label: max(1.0, np.sqrt(threshold * labelled / count)) for label, count in counts.items()}
    return np.array([max((of_class[label] for label in row.labels), default=1.0) for row in rows])


def repeated_order(rng: np.random.Generator, factors: np.ndarray) -> np.ndarray:
    """Places of images, shuffled, each about in proportion to its factor.

    They are as many as there are images: an epoch costs the same whatever the factors, and frequent images
    make room for rare ones. A factor of 2.3 stands for two places, and in three epochs of ten for a third.

    Args:
        rng: draws.
        factors: (N,), each at least 1.

    Returns:
        int (N,).
    """
    whole = np.floor(factors)
    times = whole + (rng.random(len(factors)) < factors - whole)
    places = np.repeat(np.arange(len(factors)), times.astype(int))
    return rng.permutation(places)[: len(factors)]

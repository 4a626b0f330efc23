"""What is there more than once among very many, found in arrays: few have to be looked at as objects."""

from collections.abc import Iterable, Iterator

import numpy as np

CHUNK = 1024
"""Numbers that are turned into those of Python at once."""


def groups_of_equal(rows: np.ndarray) -> Iterator[np.ndarray]:
    """Places of rows that are equal, two or more together, in the order of the first of each.

    Args:
        rows: uint8 (N, B), of digests: B is 8 or more, and few that differ begin alike.
    """
    starts = np.ascontiguousarray(rows[:, :8]).view(np.uint64)[:, 0]
    again = _repeated(starts)
    found: dict[bytes, list[int]] = {}
    for place in again.tolist():
        found.setdefault(rows[place].tobytes(), []).append(place)
    return (np.array(places) for places in found.values() if len(places) > 1)


def repeated_texts(texts: Iterable[str], count: int) -> np.ndarray:
    """Places of texts that are there more than once, and of a few others, ascending.

    Args:
        texts: each is looked at once.
        count: how many there are.
    """
    return _repeated(np.fromiter(map(hash, texts), np.int64, count))


def one_by_one(places: np.ndarray) -> Iterator[int]:
    """Places as numbers of Python, of which few are there at once."""
    for start in range(0, len(places), CHUNK):
        yield from places[start : start + CHUNK].tolist()


def _repeated(numbers: np.ndarray) -> np.ndarray:
    """Places of numbers that are there more than once, ascending."""
    order = np.argsort(numbers, kind="stable")
    same = np.flatnonzero(numbers[order[1:]] == numbers[order[:-1]])
    return np.unique(np.concatenate([order[same], order[same + 1]]))

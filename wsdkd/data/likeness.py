"""How alike two pictures look: a grid of grey levels a picture, and a search for pairs that hardly differ.

The grid is the picture at 9 x 9 pixels. Whether each pixel is brighter than its neighbour to the left, and
than the one above, gives 128 bits: a difference hash (dHash) in both directions. Two pictures look alike if
at most :data:`MOST_BITS` differ and their grids correlate by :data:`LIKE` or more: the bits find them, and
the correlation throws out those that share no more than a bright sky.

An own few lines, as the package ``imagehash`` has the hash in one direction alone, brings wavelets for others
of its hashes, and shrinks each picture from its full size, which takes six times as long.
"""

import numpy as np
from PIL import Image

SIDE = 9
SAMPLED = 12 * SIDE
"""Pixels a side that are looked at, evenly spread: all of them would cost a fifth of the decoding."""

MOST_BITS = 18
LIKE = 0.97
CONTRAST = 3.0
"""Grey levels of standard deviation below which a grid is of one colour, and like no other."""

ROTATION = 4
WINDOW = 24
CHUNK = 8192
"""Pictures, or pairs of them, that are computed at once."""

# In which order bits are compared: neighbours in a picture say much the same, so they do not stand together.
_SHUFFLED = np.argsort(np.arange(128) * 79 % 128, kind="stable")


def grey_grid(picture: Image.Image) -> bytes:
    """The grey levels of an RGB picture at :data:`SIDE` pixels a side, row by row."""
    sampled = picture.resize((SAMPLED, SAMPLED), Image.Resampling.NEAREST)
    return sampled.reduce(SAMPLED // SIDE).convert("L").tobytes()


def alike(grids: np.ndarray) -> np.ndarray:
    """Pairs of pictures that look alike.

    The bits are sorted as numbers, once for each start among them, and compared with the next
    :data:`WINDOW` in that order: two that differ in few bits begin alike from some start. So time grows as
    sorting does, whatever the pictures are. A pair may be missed where many pictures look much the same; its
    neighbours in that crowd are found.

    Args:
        grids: uint8 (N, 81), from :func:`grey_grid`.

    Returns:
        Places of the two, int64 (P, 2), the smaller first, in order.
    """
    count = len(grids)
    words = np.concatenate([np.zeros((0, 2), np.uint64), *map(_words, _chunks(grids))])
    contrast = np.concatenate([np.zeros(0), *(part.std(axis=1) for part in _chunks(grids))])
    places = np.flatnonzero(contrast >= CONTRAST)
    words = words[places]
    keys = np.zeros(0, np.int64)
    for start in range(0, 128, ROTATION):
        high, low = _rotated(words[:, 0], words[:, 1], start)
        order = np.lexsort((low, high))
        del high, low
        found = [keys]
        for step in range(1, min(WINDOW, len(order) - 1) + 1):
            for one, other in zip(_chunks(order[:-step]), _chunks(order[step:]), strict=True):
                bits = np.bitwise_count(words[one] ^ words[other]).sum(axis=1)
                near = bits <= MOST_BITS
                pairs = np.sort(places[np.stack([one[near], other[near]], axis=1)], axis=1)
                pairs = pairs[_are_like(grids, pairs)]
                found.append(pairs[:, 0] * count + pairs[:, 1])
        keys = np.unique(np.concatenate(found))
    return np.stack([keys // max(count, 1), keys % max(count, 1)], axis=1)


def _are_like(grids: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    like = [_correlation(grids[part[:, 0]], grids[part[:, 1]]) >= LIKE for part in _chunks(pairs)]
    return np.concatenate([np.zeros(0, bool), *like])


def _chunks(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]


def _words(grids: np.ndarray) -> np.ndarray:
    """The bits of grids (n, 81), as two numbers each: uint64 (n, 2)."""
    grey = grids.reshape(-1, SIDE, SIDE)
    across = grey[:, :-1, 1:] > grey[:, :-1, :-1]
    down = grey[:, 1:, :-1] > grey[:, :-1, :-1]
    bits = np.concatenate([across.reshape(len(grey), -1), down.reshape(len(grey), -1)], axis=1)
    packed = np.ascontiguousarray(np.packbits(bits[:, _SHUFFLED], axis=1))
    return packed.view(">u8").astype(np.uint64)


def _rotated(high: np.ndarray, low: np.ndarray, by: int) -> tuple[np.ndarray, np.ndarray]:
    if by >= 64:
        high, low, by = low, high, by - 64
    if by == 0:
        return high, low
    left, right = np.uint64(by), np.uint64(64 - by)
    return (high << left) | (low >> right), (low << left) | (high >> right)


def _correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of grids (n, 81) with others, row by row: (n,)."""
    first, second = (grids - grids.mean(axis=1, keepdims=True, dtype=np.float32) for grids in (one, other))
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return (first * second).sum(axis=1) / norms

"""Which image goes into which shard.

A cache of one set of images is laid out by their order alone. When images are added later while all
else stays, the finished shards stay as they are, byte for byte, and the new images go into shards of
their own: neither computed again nor uploaded again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wsdkd.data.tables import ImageRow, RowsAt
from wsdkd.ground.ids import IdIndex

SPARE_SHARDS = 8


@dataclass(frozen=True)
class PlannedShard:
    """One shard to be: its number, its images in order, and whether a finished one serves."""

    number: int
    rows: Sequence[ImageRow]
    finished: bool


def most_shards(images: int, shard_images: int) -> int:
    """Shards that ``images`` may be spread over before the emptiest are written anew together."""
    return 2 * -(-images // shard_images) + SPARE_SHARDS


def plan_shards(
    rows: Sequence[ImageRow], finished: Mapping[int, Sequence[str]], shard_images: int
) -> list[PlannedShard]:
    """Assign every row to a shard, keeping finished shards.

    Args:
        rows: the images to be cached, ascending by id, without repetition.
        finished: shard number -> ids of its images, for the shards whose content still fits.
        shard_images: images a new shard takes.

    Returns:
        Shards ascending by number. Where keeping everything would scatter the images over more than
        :func:`most_shards`, finished shards less than half full are dropped and written anew.
    """
    index = IdIndex(row.image_id for row in rows)
    kept = _disjoint(finished, index)
    left = len(rows) - sum(len(places) for places in kept.values())
    if len(kept) + -(-left // shard_images) > most_shards(len(rows), shard_images):
        kept = {n: places for n, places in kept.items() if 2 * len(places) >= shard_images}
    loose = np.ones(len(rows), dtype=bool)
    for places in kept.values():
        loose[places] = False
    plan = [PlannedShard(n, RowsAt(rows, places), True) for n, places in kept.items()]
    number, still = 0, np.flatnonzero(loose)
    for start in range(0, len(still), shard_images):
        while number in kept:
            number += 1
        plan.append(PlannedShard(number, RowsAt(rows, still[start : start + shard_images]), False))
        number += 1
    return sorted(plan, key=lambda shard: shard.number)


def _disjoint(finished: Mapping[int, Sequence[str]], index: IdIndex) -> dict[int, np.ndarray]:
    # Places of the images of shards that fit. Scratch of several interrupted runs over different images
    # may hold an image twice.
    kept: dict[int, np.ndarray] = {}
    taken = np.zeros(len(index), dtype=bool)
    for number, ids in sorted(finished.items()):
        if not ids or not all(image_id in index for image_id in ids):
            continue
        places = np.array([index.place(image_id) for image_id in ids])
        if not taken[places].any():
            kept[number] = places
            taken[places] = True
    return kept

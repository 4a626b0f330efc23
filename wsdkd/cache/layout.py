"""Which image goes into which shard.

A cache of one set of images is laid out by their order alone. When images are added later while all
else stays, the finished shards stay as they are, byte for byte, and the new images go into shards of
their own: neither computed again nor uploaded again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wsdkd.tables.images import ImageRow

SPARE_SHARDS = 8


@dataclass(frozen=True)
class PlannedShard:
    """One shard to be: its number, its images in order, and whether a finished one serves."""

    number: int
    rows: tuple[ImageRow, ...]
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
    by_id = {row.image_id: row for row in rows}
    kept = _disjoint({n: ids for n, ids in sorted(finished.items()) if all(i in by_id for i in ids)})
    left = len(rows) - sum(len(ids) for ids in kept.values())
    if len(kept) + -(-left // shard_images) > most_shards(len(rows), shard_images):
        kept = {n: ids for n, ids in kept.items() if 2 * len(ids) >= shard_images}
    taken = {image_id for ids in kept.values() for image_id in ids}
    loose = [row for row in rows if row.image_id not in taken]
    plan = [PlannedShard(n, tuple(by_id[i] for i in ids), True) for n, ids in kept.items()]
    number = 0
    for start in range(0, len(loose), shard_images):
        while number in kept:
            number += 1
        plan.append(PlannedShard(number, tuple(loose[start : start + shard_images]), False))
        number += 1
    return sorted(plan, key=lambda shard: shard.number)


def _disjoint(finished: Mapping[int, Sequence[str]]) -> dict[int, Sequence[str]]:
    # Scratch of several interrupted runs over different images may hold an image twice.
    kept: dict[int, Sequence[str]] = {}
    taken: set[str] = set()
    for number, ids in finished.items():
        if ids and taken.isdisjoint(ids):
            kept[number] = ids
            taken.update(ids)
    return kept

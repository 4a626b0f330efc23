"""Pictures that look alike though their files differ: shrunk, compressed again, or taken a moment later."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wsdkd.data.likeness import SIDE, alike
from wsdkd.data.tables import SPLITS, side_of
from wsdkd.datasets.checks.repeats import Copies, copies_of
from wsdkd.datasets.reading.records import ImageRecord
from wsdkd.datasets.reading.rejections import Cause, Rejection


@dataclass(frozen=True)
class Alike:
    """Images of a dataset that are the same, or look so.

    Attributes:
        copies: images whose files are byte for byte the same, two or more together.
        near: pairs of images that look alike. Of copies the first stands for all.
    """

    copies: Copies
    near: tuple[tuple[ImageRecord, ImageRecord], ...]


def look_for_alike(
    records: Sequence[ImageRecord], digests: Mapping[str, str], grids: Sequence[bytes]
) -> Alike:
    """Compare every image with those that may be like it.

    Args:
        records: in order.
        digests: of each image's file, by its id.
        grids: of each record, from :func:`wsdkd.data.likeness.grey_grid`.
    """
    first: dict[str, int] = {}
    for place, record in enumerate(records):
        first.setdefault(digests[record.image_id], place)
    places = list(first.values())
    grey = np.frombuffer(b"".join(grids[place] for place in places), np.uint8).reshape(-1, SIDE * SIDE)
    near = tuple((records[places[one]], records[places[other]]) for one, other in alike(grey).tolist())
    return Alike(copies_of(records, digests), near)


def near_leaks(records: Iterable[ImageRecord], found: Alike) -> list[Rejection]:
    """A warning for each image that looks like one of a later split: of train in val, of val in test.

    Split unlabelled counts as train.

    Args:
        records: in the splits that they have in the end.
        found: from :func:`look_for_alike`, of whatever splits.
    """
    split_of = {record.image_id: record.split for record in records}
    copies = {same[0].image_id: same for same in found.copies}

    def rank(record: ImageRecord) -> int:
        return SPLITS.index(side_of(split_of[record.image_id]))

    latest: dict[str, tuple[ImageRecord, ImageRecord]] = {}
    for pair in found.near:
        one, other = (copies.get(record.image_id, (record,)) for record in pair)
        for these, those in ((one, other), (other, one)):
            last = max(those, key=rank)
            for record in these:
                _, known = latest.get(record.image_id, (record, record))
                if rank(record) < rank(last) and (known is record or rank(known) < rank(last)):
                    latest[record.image_id] = record, last
    return [
        Rejection(
            "warning",
            record.image_id,
            record.path,
            f"in split {split_of[record.image_id]}, "
            f"looks like {last.path} in split {split_of[last.image_id]}",
            Cause.LOOKS_THE_SAME,
        )
        for record, last in latest.values()
    ]

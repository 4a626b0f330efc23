"""Pictures that look alike though their files differ: shrunk, compressed again, or taken a moment later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wsdkd.data.likeness import alike
from wsdkd.data.tables import SPLITS, Split, side_of
from wsdkd.datasets.checks.equal import groups_of_equal
from wsdkd.datasets.checks.repeats import Copies
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


def look_for_alike(records: Sequence[ImageRecord], digests: np.ndarray, grids: np.ndarray) -> Alike:
    """Compare every image with those that may be like it.

    Args:
        records: in order.
        digests: of each image's file, uint8 (N, 32).
        grids: of each record, uint8 (N, 81), from :func:`wsdkd.data.likeness.grey_grid`.
    """
    copies = list(groups_of_equal(digests))
    others = np.ones(len(digests), bool)
    for same in copies:
        others[same[1:]] = False
    near = alike(grids[others] if copies else grids)
    places = np.flatnonzero(others)[near]
    return Alike(
        [tuple(records[place] for place in same.tolist()) for same in copies],
        tuple((records[one], records[other]) for one, other in places.tolist()),
    )


def near_leaks(splits: Mapping[str, Split], found: Alike) -> list[Rejection]:
    """A warning for each image that looks like one of a later split: of train in val, of val in test.

    Split unlabelled counts as train.

    Args:
        splits: in which the images of ``found`` are in the end, by their ids.
        found: from :func:`look_for_alike`, of whatever splits.
    """
    copies = {same[0].image_id: same for same in found.copies}

    def rank(record: ImageRecord) -> int:
        return SPLITS.index(side_of(splits[record.image_id]))

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
            f"in split {splits[record.image_id]}, looks like {last.path} in split {splits[last.image_id]}",
            Cause.LOOKS_THE_SAME,
        )
        for record, last in latest.values()
    ]

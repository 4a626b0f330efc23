"""A picture that lies in a folder of each of its classes, as copies: one image with all labels."""

from collections import defaultdict
from dataclasses import replace

import numpy as np

from wsdkd.data.tables import EVERY_SPLIT, UNLABELLED
from wsdkd.datasets.checks.equal import groups_of_equal
from wsdkd.datasets.checks.images import Found
from wsdkd.datasets.reading.record_table import RecordTable
from wsdkd.datasets.reading.records import ImageRecord


def join_copies(found: Found) -> list[str]:
    """Join images of one split whose files are byte for byte the same, where their labels differ.

    Those with the same labels stay: a picture twice in a folder is another matter.

    Args:
        found: images of a folder a class, no boxes; the first of some copies takes all labels, the others go.

    Returns:
        A sentence that says how many, if any.
    """
    records, looked = found.records, found.looked
    splits = records.splits
    same: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, places in enumerate(groups_of_equal(looked.digests)):
        for place in places.tolist():
            if splits[place] != EVERY_SPLIT.index(UNLABELLED):
                same[number, int(splits[place])].append(place)
    changed: dict[int, ImageRecord] = {}
    gone: set[int] = set()
    for copies in same.values():
        each = {records[place].labels for place in copies}
        if len(each) > 1:
            labels = tuple(sorted({label for labels in each for label in labels}))
            changed[copies[0]] = replace(records[copies[0]], labels=labels)
            gone |= set(copies[1:])
    if not changed:
        return []
    kept = ~np.isin(np.arange(len(records)), list(gone))
    found.records = RecordTable(
        changed.get(place, record) for place, record in enumerate(records) if place not in gone
    )
    looked.take(kept)
    return [
        f"copies of one picture in folders of several classes: {len(changed)}; each is one image with all "
        f"these labels, and {len(gone)} copies are left out"
    ]

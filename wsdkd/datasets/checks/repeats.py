"""One file listed again: in its split it is one image with all labels, in another split a leak.

And files that are byte for byte the same under other names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from wsdkd.data.tables import FIRST_TO_GO, SPLITS, UNLABELLED, Split, side_of
from wsdkd.datasets.checks.equal import repeated_texts
from wsdkd.datasets.reading.record_table import RecordTable
from wsdkd.datasets.reading.records import ImageRecord
from wsdkd.datasets.reading.rejections import Cause, Rejection


def join_repeats(
    records: Sequence[ImageRecord], drop_leaks: bool = False
) -> tuple[RecordTable, list[Rejection], list[str]]:
    """Make one record of all those of a file.

    Labels of a file that is listed again in its split are joined: some tables have a row a label. A file
    that stands in two splits stays in the first, and is rejected in the others.

    Args:
        records: as a reader gives them.
        drop_leaks: a file in two splits stays in the last instead, and leaves the others with a warning.

    Returns:
        The records in order of their first; what is rejected; and what to say.
    """
    table = RecordTable.of(records)
    again = np.union1d(repeated_texts(table.ids, len(table)), repeated_texts(table.paths, len(table)))
    if not len(again):
        return table, [], []
    # All others are the only ones of their id and of their path, so that nothing is joined to them.
    joined = _Joined(table, again.tolist(), drop_leaks)
    gone = set(again.tolist()) - {*joined.kept}
    kept = RecordTable(
        joined.kept.get(place, record) for place, record in enumerate(table) if place not in gone
    )
    return kept, joined.rejected, joined.said


class _Joined:
    """Records of which each has its id or its path in common with another.

    Attributes:
        kept: of each file the one that stays, by the place of the first.
        rejected: the others, in order.
        said: how many were joined.
    """

    def __init__(self, records: RecordTable, those: Sequence[int], drop_leaks: bool):
        last = _last_splits(records[place] for place in those) if drop_leaks else {}
        self.kept: dict[int, ImageRecord] = {}
        self.rejected: list[Rejection] = []
        places: dict[str, int] = {}
        owners: dict[str, str] = {}
        joined: set[str] = set()
        entries = 0
        for place in those:
            record = records[place]
            if last.get(record.path, record.split) != record.split:
                reason = f"left out of split {record.split}: also in split {last[record.path]}"
                self._reject("warning", record, reason)
                continue
            owner = owners.setdefault(record.image_id, record.path)
            at = places.setdefault(record.path, place) if owner == record.path else places[owner]
            first = self.kept.setdefault(at, record)
            if at == place:
                continue
            if first.split == record.split and owner == record.path:
                self.kept[at] = _join(first, record)
                joined.add(record.path)
                entries += 1
                continue
            what = "file" if first.path == record.path else "id"
            self._reject("image", record, f"duplicate {what}: already in split {first.split}")
        images = f"{len(joined)} images are" if len(joined) > 1 else "1 image is"
        self.said = (
            [f"{images} listed more than once: labels of {entries} more entries are joined to the first"]
            if joined
            else []
        )

    def _reject(self, kind: Literal["image", "warning"], record: ImageRecord, reason: str) -> None:
        self.rejected.append(Rejection(kind, record.image_id, record.path, reason, Cause.TWO_SPLITS))


def _last_splits(records: Iterable[ImageRecord]) -> dict[str, Split]:
    last: dict[str, Split] = {}
    for record in records:
        last[record.path] = max(last.get(record.path, record.split), record.split, key=FIRST_TO_GO.index)
    return last


def _join(first: ImageRecord, again: ImageRecord) -> ImageRecord:
    labels = tuple(sorted({*first.labels, *again.labels}))
    ignored = tuple(sorted({*first.ignored, *again.ignored} - set(labels)))
    objects = first.objects + tuple(item for item in again.objects if item not in first.objects)
    size = first.annotated_size or again.annotated_size
    return replace(first, labels=labels, ignored=ignored, objects=objects, annotated_size=size)


Copies = list[tuple[ImageRecord, ...]]
"""Images whose files are byte for byte the same, two or more together."""


def other_labels(copies: Copies) -> list[Rejection]:
    """A warning for each image whose labels are not those of another with the same bytes."""
    labelled = ([record for record in same if record.split != UNLABELLED] for same in copies)
    return [
        Rejection(
            "warning",
            record.image_id,
            record.path,
            f"the same bytes as {same[0].path}, but other labels",
            Cause.OTHER_LABELS,
        )
        for same in labelled
        for record in same[1:]
        if (record.labels, record.ignored) != (same[0].labels, same[0].ignored)
    ]


def leaks(splits: Mapping[str, Split], copies: Copies) -> list[Rejection]:
    """A warning for each image whose bytes stand in a later split too: of train in val, of val in test.

    Split unlabelled counts as train.

    Args:
        splits: in which the images of ``copies`` are in the end, by their ids.
        copies: of whatever splits.
    """
    found = []
    for same in copies:
        last = max(same, key=lambda record: SPLITS.index(side_of(splits[record.image_id])))
        split = splits[last.image_id]
        found += [
            Rejection(
                "warning",
                record.image_id,
                record.path,
                f"in split {splits[record.image_id]}, the same bytes as {last.path} in split {split}",
                Cause.SAME_PICTURE,
            )
            for record in same
            if side_of(splits[record.image_id]) != side_of(split)
        ]
    return found

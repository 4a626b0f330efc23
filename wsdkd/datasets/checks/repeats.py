"""One file listed again: in its split it is one image with all labels, in another split a leak.

And files that are byte for byte the same under other names.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from wsdkd.data.tables import FIRST_TO_GO, SPLITS, UNLABELLED, Split, side_of
from wsdkd.datasets.reading.records import ImageRecord
from wsdkd.datasets.reading.rejections import Cause, Rejection


def join_repeats(
    records: Sequence[ImageRecord], drop_leaks: bool = False
) -> tuple[list[ImageRecord], list[Rejection], list[str]]:
    """Make one record of all those of a file.

    Labels of a file that is listed again in its split are joined: some tables have a row a label. A file
    that stands in two splits stays in the first, and is rejected in the others.

    Args:
        records: as a reader gives them.
        drop_leaks: a file in two splits stays in the last instead, and leaves the others with a warning.

    Returns:
        The records in order of their first; what is rejected; and what to say.
    """
    last = _last_splits(records) if drop_leaks else {}
    kept: dict[str, ImageRecord] = {}
    owners: dict[str, str] = {}
    rejected: list[Rejection] = []
    joined: set[str] = set()
    entries = 0
    for record in records:
        if last.get(record.path, record.split) != record.split:
            reason = f"left out of split {record.split}: also in split {last[record.path]}"
            rejected.append(Rejection("warning", record.image_id, record.path, reason, Cause.TWO_SPLITS))
            continue
        owner = owners.setdefault(record.image_id, record.path)
        first = kept.setdefault(record.path, record) if owner == record.path else kept[owner]
        if first is record:
            continue
        if first.split == record.split and owner == record.path:
            kept[record.path] = _join(first, record)
            joined.add(record.path)
            entries += 1
            continue
        what = "file" if first.path == record.path else "id"
        reason = f"duplicate {what}: already in split {first.split}"
        rejected.append(Rejection("image", record.image_id, record.path, reason, Cause.TWO_SPLITS))
    said = []
    if joined:
        images = f"{len(joined)} images are" if len(joined) > 1 else "1 image is"
        said = [f"{images} listed more than once: labels of {entries} more entries are joined to the first"]
    return list(kept.values()), rejected, said


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


def copies_of(records: Iterable[ImageRecord], digests: Mapping[str, str]) -> Copies:
    """Images whose files are byte for byte the same, two or more together.

    Args:
        records: in order.
        digests: of each image's file, by its id.
    """
    found: dict[str, list[ImageRecord]] = defaultdict(list)
    for record in records:
        found[digests[record.image_id]].append(record)
    return [tuple(same) for same in found.values() if len(same) > 1]


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


def leaks(records: Iterable[ImageRecord], copies: Copies) -> list[Rejection]:
    """A warning for each image whose bytes stand in a later split too: of train in val, of val in test.

    Split unlabelled counts as train.

    Args:
        records: in the splits that they have in the end.
        copies: from :func:`copies_of`, of whatever splits.
    """
    split_of = {record.image_id: record.split for record in records}
    side = {name: side_of(split) for name, split in split_of.items()}
    found = []
    for same in copies:
        last = max(same, key=lambda record: SPLITS.index(side[record.image_id]))
        split = split_of[last.image_id]
        found += [
            Rejection(
                "warning",
                record.image_id,
                record.path,
                f"in split {split_of[record.image_id]}, the same bytes as {last.path} in split {split}",
                Cause.SAME_PICTURE,
            )
            for record in same
            if side[record.image_id] != side[last.image_id]
        ]
    return found

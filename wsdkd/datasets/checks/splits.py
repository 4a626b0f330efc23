"""Images set aside by chance, each on its own: adding an image moves no other, with two exceptions.

Whether an image is set aside hangs on a hash of its id, so that a data set may grow without images changing
sides. Small classes can be lost that way: of five images none may be set aside, or all. Then one image stands
in: the one whose hash is nearest. An image that is added and takes over sends the one that stood in back. And
images of a group, and copies of one file, are set aside together.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from wsdkd.data.tables import EVERY_SPLIT, SPLITS, UNLABELLED, Split, side_of
from wsdkd.datasets.checks.equal import one_by_one
from wsdkd.datasets.reading.record_table import RecordTable
from wsdkd.datasets.reading.records import ImageRecord
from wsdkd.datasets.reading.rejections import Cause, Rejection

WHOLE = 2**64


def is_set_aside(image_id: str, fraction: float, seed: int, split: str) -> bool:
    """Whether an image is among the ``fraction`` of images set aside for ``split``.

    It depends on nothing but the arguments. A larger fraction takes more images and puts none back.
    """
    return _place(image_id, seed, split) < fraction * WHOLE


def _place(key: str, seed: int, split: str) -> int:
    digest = hashlib.sha256(f"{split}:{seed}:{key}".encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big")


def hold_out(
    records: Sequence[ImageRecord],
    split: Split,
    fraction: float,
    seed: int,
    together: Mapping[str, str] | None = None,
) -> RecordTable:
    """Move about ``fraction`` of split train to ``split``, unless some stand in such a split already.

    More may always lose their labels.

    A class of two images or more keeps one in train and has one set aside, as far as others allow.

    Args:
        records: of all splits.
        split: to which they are moved.
        fraction: of the images; 0 moves none.
        seed: another one moves others.
        together: a key for images by their id, the same for those that move together; by default their
            group.
    """
    table = RecordTable.of(records)
    splits = table.splits
    there = bool((splits == EVERY_SPLIT.index(split)).any())
    if fraction == 0 or (split != UNLABELLED and there):
        return table
    train = splits == EVERY_SPLIT.index("train")
    places = np.fromiter(_places(table, train, seed, split, together or {}), np.uint64, int(train.sum()))
    # What has one key has one place, and moves together: 64 bits of a hash tell keys apart.
    units = np.unique(places)
    unit_of = np.searchsorted(units, places).astype(np.int32)
    del places
    aside = units < math.ceil(fraction * WHOLE)  # of whole numbers: floats could not tell all of them apart
    labels = table.labels()
    here = np.repeat(train, labels.counts)
    classes = np.repeat(unit_of, labels.counts[train])
    # of two one can go to val
    balance = _Balance(aside, classes, labels.values[here], stay=2 if split == "test" else 1)
    _let_stand_in(balance)
    splits[np.flatnonzero(train)[balance.aside[unit_of]]] = EVERY_SPLIT.index(split)
    return table.with_splits(splits)


def _places(
    records: RecordTable, train: np.ndarray, seed: int, split: str, together: Mapping[str, str]
) -> Iterator[int]:
    ids, groups, names = records.ids, records.groups, records.group_names
    for place in one_by_one(np.flatnonzero(train)):
        image_id, group = ids[place], groups[place]
        key = together.get(image_id) or (names[group] if group >= 0 else None) or image_id
        yield _place(key, seed, split)


class _Balance:
    """How many units of each class are set aside, and how many more may be.

    A unit is images that are set aside together. They are numbered by their hashes: the first are set aside.

    Args:
        aside: whether each unit is, bool (U,).
        units: of each label that an image has, (L,).
        labels: these labels, (L,).
        stay: of each class so many are not to be set aside, or all but one of fewer.
    """

    def __init__(self, aside: np.ndarray, units: np.ndarray, labels: np.ndarray, stay: int):
        self.aside = aside
        count = int(labels.max(initial=-1)) + 1
        # A class of two images of a unit counts once.
        pairs = np.unique(units.astype(np.int64) * count + labels)
        of, self._classes = (
            (pairs // max(count, 1)).astype(np.int32),
            (pairs % max(count, 1)).astype(np.int32),
        )
        del pairs
        self._members = of[np.argsort(self._classes, kind="stable")]
        sizes = np.bincount(self._classes, minlength=count)
        self._ends = np.cumsum(sizes)
        self._starts = np.searchsorted(of, np.arange(len(aside) + 1, dtype=np.int32))
        self.taken = np.bincount(self._classes[aside[of]], minlength=count)
        self.spare = sizes - self.taken - np.maximum(1, np.minimum(stay, sizes - 1))
        self.smallest_first = sorted(np.flatnonzero(sizes).tolist(), key=lambda label: (sizes[label], label))

    def members(self, label: int) -> np.ndarray:
        """The units of a class, in order."""
        start = self._ends[label - 1] if label else 0
        return self._members[start : self._ends[label]]

    def classes(self, unit: int) -> np.ndarray:
        """The classes of a unit."""
        return self._classes[self._starts[unit] : self._starts[unit + 1]]

    def move(self, unit: int) -> None:
        """To the other side."""
        self.aside[unit] = not self.aside[unit]
        change = 1 if self.aside[unit] else -1
        self.taken[self.classes(unit)] += change
        self.spare[self.classes(unit)] -= change


def _let_stand_in(balance: _Balance) -> None:
    for label in balance.smallest_first:
        if balance.spare[label] < 0:
            members = balance.members(label)
            for unit in members[balance.aside[members]][::-1].tolist():
                if balance.spare[label] < 0:
                    balance.move(unit)
    for label in balance.smallest_first:
        if not balance.taken[label]:
            for unit in balance.members(label).tolist():
                if not balance.taken[label] and (balance.spare[balance.classes(unit)] > 0).all():
                    balance.move(unit)


def moved_together(records: Sequence[ImageRecord], copies: Iterable[Sequence[ImageRecord]]) -> dict[str, str]:
    """A key for each image that copies set aside with others than those of its own group.

    Args:
        records: all of them.
        copies: images whose files are the same, together.

    Returns:
        Keys by image id: of what hangs together the smallest group, or the smallest id where there is none.
    """
    above: dict[tuple[int, str], tuple[int, str]] = {}

    def top(node: tuple[int, str]) -> tuple[int, str]:
        while (higher := above.setdefault(node, node)) != node:
            above[node] = node = above[higher]
        return node

    def join(one: tuple[int, str], other: tuple[int, str]) -> None:
        first, second = sorted((top(one), top(other)))
        above[second] = first

    # Groups come before ids: a node that starts with 0 is the smaller.
    for same in copies:
        for record in same:
            join((1, same[0].image_id), (1, record.image_id))
            if record.group:
                join((0, record.group), (1, record.image_id))
    keys = {node: top(node)[1] for node in list(above)}
    found = {name: key for (kind, name), key in keys.items() if kind == 1}
    table = RecordTable.of(records)
    moved = [group for group, name in enumerate(table.group_names) if keys.get((0, name), name) != name]
    ids, groups, names = table.ids, table.groups, table.group_names
    for place in one_by_one(np.flatnonzero(np.isin(groups, moved))):
        found[ids[place]] = keys[0, names[groups[place]]]
    return found


def split_groups(records: Sequence[ImageRecord]) -> list[Rejection]:
    """A warning for each group that the dataset itself has in several splits; unlabelled counts as train."""
    table = RecordTable.of(records)
    group_of = table.groups
    grouped = np.flatnonzero(group_of >= 0)
    groups, first = np.unique(group_of[grouped], return_index=True)
    there = np.zeros((len(table.group_names), len(EVERY_SPLIT)), bool)
    there[group_of[grouped], table.splits[grouped]] = True
    sides = [[side_of(split) == side for split in EVERY_SPLIT] for side in SPLITS]
    several = np.sum([there[:, side].any(axis=1) for side in sides], axis=0) > 1
    found = []
    for place in np.sort(grouped[first[several[groups]]]).tolist():
        record = table[place]
        if record.group:
            names = (
                split for split, is_there in zip(EVERY_SPLIT, there[group_of[place]], strict=True) if is_there
            )
            reason = f"group {record.group!r} is in splits {', '.join(names)}"
            found.append(Rejection("warning", record.image_id, record.path, reason, Cause.GROUP))
    return found

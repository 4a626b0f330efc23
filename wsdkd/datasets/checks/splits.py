"""Images set aside by chance, each on its own: adding an image moves no other, with two exceptions.

Whether an image is set aside hangs on a hash of its id, so that a data set may grow without images changing
sides. Small classes can be lost that way: of five images none may be set aside, or all. Then one image stands
in: the one whose hash is nearest. An image that is added and takes over sends the one that stood in back. And
images of a group, and copies of one file, are set aside together.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from wsdkd.data.tables import EVERY_SPLIT, UNLABELLED, Split, side_of
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


@dataclass
class _Unit:
    """Images that are set aside together.

    Attributes:
        place: its hash, from 0 to :data:`WHOLE`; the smallest are set aside.
        classes: present in any of its images.
    """

    place: int
    classes: set[int]
    aside: bool


def hold_out(
    records: Sequence[ImageRecord],
    split: Split,
    fraction: float,
    seed: int,
    together: Mapping[str, str] | None = None,
) -> list[ImageRecord]:
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
    if fraction == 0 or (split != UNLABELLED and any(record.split == split for record in records)):
        return list(records)
    together = together or {}
    keys = [together.get(record.image_id) or record.group or record.image_id for record in records]
    units: dict[str, _Unit] = {}
    for record, key in zip(records, keys, strict=True):
        if record.split == "train":
            if key not in units:
                place = _place(key, seed, split)
                units[key] = _Unit(place, set(), place < fraction * WHOLE)
            units[key].classes.update(record.labels)
    _let_stand_in(_Balance(units.values(), stay=2 if split == "test" else 1))  # of two one can go to val
    return [
        replace(record, split=split) if record.split == "train" and units[key].aside else record
        for record, key in zip(records, keys, strict=True)
    ]


class _Balance:
    """How many units of each class are set aside, and how many more may be.

    Args:
        units: all of them.
        stay: of each class so many are not to be set aside, or all but one of fewer.
    """

    def __init__(self, units: Iterable[_Unit], stay: int):
        self.members: dict[int, list[_Unit]] = defaultdict(list)
        for unit in sorted(units, key=lambda unit: unit.place):
            for label in unit.classes:
                self.members[label].append(unit)
        self.aside = Counter(label for label, those in self.members.items() for unit in those if unit.aside)
        self.spare = {
            label: len(those) - self.aside[label] - max(1, min(stay, len(those) - 1))
            for label, those in self.members.items()
        }
        self.smallest_first = sorted(self.members, key=lambda label: (len(self.members[label]), label))

    def move(self, unit: _Unit) -> None:
        """To the other side."""
        unit.aside = not unit.aside
        for label in unit.classes:
            self.aside[label] += 1 if unit.aside else -1
            self.spare[label] -= 1 if unit.aside else -1


def _let_stand_in(balance: _Balance) -> None:
    for label in balance.smallest_first:
        for unit in reversed(balance.members[label]):
            if unit.aside and balance.spare[label] < 0:
                balance.move(unit)
    for label in balance.smallest_first:
        for unit in balance.members[label]:
            if not balance.aside[label] and all(balance.spare[other] > 0 for other in unit.classes):
                balance.move(unit)


def moved_together(records: Iterable[ImageRecord], copies: Iterable[Sequence[ImageRecord]]) -> dict[str, str]:
    """A key for each image that is set aside with others: those of its group, and copies of its file.

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
    for record in records:
        if record.group:
            join((0, record.group), (1, record.image_id))
    for same in copies:
        for record in same[1:]:
            join((1, same[0].image_id), (1, record.image_id))
    return {name: top((kind, name))[1] for kind, name in list(above) if kind == 1}


def split_groups(records: Iterable[ImageRecord]) -> list[Rejection]:
    """A warning for each group that the dataset itself has in several splits; unlabelled counts as train."""
    found: dict[str, dict[str, ImageRecord]] = defaultdict(dict)
    for record in records:
        if record.group:
            found[record.group].setdefault(record.split, record)
    return [
        Rejection(
            "warning",
            first.image_id,
            first.path,
            f"group {group!r} is in splits {', '.join(sorted(splits, key=EVERY_SPLIT.index))}",
            Cause.GROUP,
        )
        for group, splits in found.items()
        if len(set(map(side_of, splits))) > 1
        for first in [next(iter(splits.values()))]
    ]

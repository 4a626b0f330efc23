"""What some checks do, written down the plain way: with an object an image, and a dictionary of all."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wsdkd.data.tables import FIRST_TO_GO
from wsdkd.datasets.reading.records import ImageRecord


@dataclass
class Unit:
    """Images that move together."""

    place: int
    classes: set[int]
    aside: bool


def hold_out(
    records: Sequence[ImageRecord], split: Any, fraction: float, seed: int, together: Mapping[str, str]
) -> list[ImageRecord]:
    """Images of train whose hash says so are set aside, but of each class some stay and one at least goes."""
    keys = [together.get(record.image_id) or record.group or record.image_id for record in records]
    units: dict[str, Unit] = {}
    for record, key in zip(records, keys, strict=True):
        if record.split == "train":
            place = int.from_bytes(hashlib.sha256(f"{split}:{seed}:{key}".encode()).digest()[:8], "big")
            unit = units.setdefault(key, Unit(place, set(), place < fraction * 2**64))
            unit.classes.update(record.labels)
    let_stand_in(sorted(units.values(), key=lambda unit: unit.place), 2 if split == "test" else 1)
    return [
        replace(record, split=split) if record.split == "train" and units[key].aside else record
        for record, key in zip(records, keys, strict=True)
    ]


def let_stand_in(units: Sequence[Unit], stay: int) -> None:
    """Move units that stand in, the nearest first."""
    members = {
        label: [unit for unit in units if label in unit.classes]
        for label in set().union(*(unit.classes for unit in units))
    }

    def aside(label: int) -> int:
        return sum(unit.aside for unit in members[label])

    def spare(label: int) -> int:
        return len(members[label]) - aside(label) - max(1, min(stay, len(members[label]) - 1))

    order = sorted(members, key=lambda label: (len(members[label]), label))
    for label in order:
        for unit in reversed(members[label]):
            unit.aside = unit.aside and spare(label) >= 0
    for label in order:
        for unit in members[label]:
            if not aside(label):
                unit.aside = all(spare(other) > 0 for other in unit.classes)


def join_repeats(
    records: Sequence[ImageRecord], drop_leaks: bool
) -> tuple[list[Any], list[str], Counter[str]]:
    """Id, path, split, labels and ignored of what stays; paths of what goes; entries joined, by path."""
    last: dict[str, str] = {}
    for record in records:
        last[record.path] = max(last.get(record.path, record.split), record.split, key=FIRST_TO_GO.index)
    kept: dict[str, tuple[ImageRecord, set[int], set[int]]] = {}
    owners: dict[str, str] = {}
    gone: list[str] = []
    joined: Counter[str] = Counter()
    for record in records:
        path = record.path
        if (drop_leaks and last[path] != record.split) or owners.setdefault(record.image_id, path) != path:
            gone.append(path)
        elif path not in kept:
            kept[path] = record, {*record.labels}, {*record.ignored}
        elif kept[path][0].split != record.split:
            gone.append(path)
        else:
            kept[path][1].update(record.labels)
            kept[path][2].update(record.ignored)
            joined[path] += 1
    rows = [
        (record.image_id, record.path, record.split, tuple(sorted(present)), tuple(sorted(ignored - present)))
        for record, present, ignored in kept.values()
    ]
    return rows, gone, joined

"""The page ``reports/data.html``: what is to be known of a dataset, with the pictures it is about."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsdkd.data.images import ImageError, decode
from wsdkd.data.tables import SPLITS, UNLABELLED, ImageRow
from wsdkd.datasets.audit.facts import Alike, Doubt, Facts
from wsdkd.datasets.audit.summary import class_doubts
from wsdkd.pages.page import write_page
from wsdkd.pages.thumbnails import thumbnail

SIDE = 160
"""Pixels of the longer side of a picture."""
CLASSES = 60
"""Classes shown by pictures: of more, those with the fewest training images."""
EACH = 4
"""Pictures of a class, of a group and of a kind of doubt."""
LOOK = 24
"""Pictures, evenly over all that have labels, that a person compares with these."""


@dataclass(frozen=True)
class Picture:
    """A picture with what stands below it; ``uri`` is empty where it cannot be read any more."""

    path: str
    caption: str
    uri: str
    width: int
    height: int


class _Pictures:
    """Pictures of a dataset by their ids, each read once."""

    def __init__(self, rows: Sequence[ImageRow], wanted: Iterable[str], classes: Sequence[str], folder: Path):
        ids = set(wanted)
        self._rows = {row.image_id: row for row in rows if row.image_id in ids}
        self._classes, self._folder = classes, folder
        self._read: dict[str, tuple[str, int, int]] = {}

    @property
    def count(self) -> int:
        """Pictures that were read."""
        return sum(bool(uri) for uri, _, _ in self._read.values())

    def of(self, image_ids: Iterable[str], detail: str = "") -> list[Picture]:
        """Those of ``image_ids`` that can be used, with their split and labels."""
        return [self._picture(self._rows[name], detail) for name in image_ids if name in self._rows]

    def _picture(self, row: ImageRow, detail: str) -> Picture:
        if row.image_id not in self._read:
            try:
                small = thumbnail(decode(self._folder / row.path, draft=2 * SIDE), SIDE)
                self._read[row.image_id] = small.uri, small.width, small.height
            except ImageError:
                self._read[row.image_id] = "", 0, 0
        none = "labels unknown" if row.split == UNLABELLED else "no label"
        labels = ", ".join(self._classes[label] for label in row.labels) or none
        caption = f"{row.split}: {detail or labels}"
        return Picture(row.path, caption, *self._read[row.image_id])


def write_data_page(path: Path, facts: Facts, rows: Sequence[ImageRow], folder: Path) -> int:
    """Write the page; the same dataset gives the same bytes.

    Args:
        path: of the HTML file.
        facts: of the dataset.
        rows: its images; none of them where ``prepare`` has refused it.
        folder: that their paths are relative to.

    Returns:
        How many pictures stand in it.
    """
    shown = sorted(range(len(facts.classes)), key=lambda place: (facts.present[0][place], place))[:CLASSES]
    by_class = _first_of_each(rows, shown)
    labelled = [place for place, row in enumerate(rows) if row.split != UNLABELLED]
    look = [rows[place].image_id for place in labelled[:: max(1, len(labelled) // LOOK)][:LOOK]]
    wanted = {
        *(name for names in by_class.values() for name in names),
        *(name for alike in (facts.copies, facts.near) for group in alike.examples for name in group),
        *(name for doubt in facts.doubts for name, _, _ in doubt.examples),
        *(name for name, _, _ in facts.odd),
        *look,
    }
    pictures = _Pictures(rows, wanted, facts.classes, folder)
    content: dict[str, Any] = {
        "facts": facts,
        "splits": SPLITS,
        "warnings": [line.removeprefix("warning: ") for line in class_doubts(facts)],
        "classes": _class_rows(facts, by_class, pictures),
        "shown_classes": len(shown),
        "labels": [(number, counts) for number, counts in enumerate(facts.labels) if any(counts)],
        "copies": _groups(facts.copies, pictures),
        "near": _groups(facts.near, pictures),
        "doubts": [(doubt, _of_doubt(doubt, pictures)) for doubt in facts.doubts],
        "odd": [picture for name, w, h in facts.odd for picture in pictures.of([name], f"{w} x {h}")],
        "look": pictures.of(look),
    }
    write_page(path, "wsdkd.datasets.page", "data.html", content)
    return pictures.count


def _first_of_each(rows: Iterable[ImageRow], classes: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    wanted = set(classes)
    for row in rows:
        for label in wanted.intersection(row.labels):
            found[label].append(row.image_id)
            if len(found[label]) == EACH:
                wanted.remove(label)
        if not wanted:
            break
    return found


def _class_rows(facts: Facts, by_class: dict[int, list[str]], pictures: _Pictures) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "counts": [counts[place] for counts in facts.present],
            "unknown": sum(counts[place] for counts in facts.unknown),
            "pictures": pictures.of(by_class.get(place, ())),
        }
        for place, name in enumerate(facts.classes)
    ]


def _groups(alike: Alike, pictures: _Pictures) -> list[list[Picture]]:
    return [pictures.of(group[:EACH]) for group in alike.examples]


def _of_doubt(doubt: Doubt, pictures: _Pictures) -> list[Picture]:
    return pictures.of(dict.fromkeys(name for name, _, _ in doubt.examples[:EACH]))

"""The page ``reports/labels.html``: labels in doubt, to accept or to refuse by key."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wsdkd.data.images import ImageError, decode
from wsdkd.datasets.corrections import COLUMNS
from wsdkd.doubts.doubts import Doubt
from wsdkd.ground.digests import digest
from wsdkd.pages.page import write_page
from wsdkd.pages.thumbnails import Thumbnail, thumbnail

SIDE = 360
"""Pixels of the longer side of a picture: 10 to 20 kB."""


@dataclass(frozen=True)
class Shown:
    """A doubt as the page has it.

    Attributes:
        doubt: itself.
        name: of the class.
        others: names of the classes that the image has now.
        picture: the place of the image among the page's pictures; None where it cannot be read any more.
        box: x, y, width and height of the teacher's region in that picture.
    """

    doubt: Doubt
    name: str
    others: tuple[str, ...]
    picture: int | None
    box: tuple[float, float, float, float] | None

    @property
    def label(self) -> str:
        """What the dataset says now, as a file of corrections has it."""
        return "present" if self.doubt.present else "absent"

    @property
    def proposed(self) -> str:
        """The opposite."""
        return "absent" if self.doubt.present else "present"


def write_labels_page(
    path: Path, doubts: Sequence[Doubt], in_all: int, classes: Sequence[str], folder: Path
) -> None:
    """Write the page; the same doubts give the same bytes.

    Args:
        path: of the HTML file.
        doubts: to be shown, in this order.
        in_all: how many there are.
        classes: names, in order.
        folder: that paths of images are relative to.
    """
    pictures: dict[str, Thumbnail | None] = {}
    for each in doubts:
        if each.row.image_id not in pictures:
            pictures[each.row.image_id] = _picture(folder / each.row.path)
    places = {image: place for place, image in enumerate(pictures)}
    content = {
        "pictures": [(places[image], picture) for image, picture in pictures.items() if picture is not None],
        "sizes": {places[image]: picture for image, picture in pictures.items()},
        "doubts": [_shown(each, classes, places, pictures) for each in doubts],
        "in_all": in_all,
        "columns": ",".join(COLUMNS),
        # Decisions stay with the browser under this name, until other doubts are written.
        "key": digest([[each.row.image_id, each.label, each.present] for each in doubts])[:16],
    }
    write_page(path, "wsdkd.doubts", "labels.html", content)


def _shown(
    doubt: Doubt, classes: Sequence[str], places: dict[str, int], pictures: dict[str, Thumbnail | None]
) -> Shown:
    picture = pictures[doubt.row.image_id]
    box = None
    if picture is not None and doubt.evidence is not None:
        x1, y1, x2, y2 = (edge * picture.scale for edge in doubt.evidence.box)
        box = (x1, y1, x2 - x1, y2 - y1)
    others = tuple(classes[label] for label in doubt.row.labels)
    place = None if picture is None else places[doubt.row.image_id]
    return Shown(doubt, classes[doubt.label], others, place, box)


def _picture(path: Path) -> Thumbnail | None:
    try:
        return thumbnail(decode(path, draft=2 * SIDE), SIDE)
    except ImageError:
        return None

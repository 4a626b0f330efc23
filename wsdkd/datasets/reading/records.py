"""What a reader makes of a dataset's annotations, before any image has been looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

from wsdkd.data.tables import Split
from wsdkd.datasets.reading.rejections import Rejection


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """One annotated object: its class, and its box (x1, y1, x2, y2), edges in pixels as annotated."""

    label: int
    box: tuple[float, float, float, float]
    difficult: bool = False
    crowd: bool = False


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One annotated image.

    Attributes:
        image_id: unique in the dataset.
        path: relative to the dataset's root, with forward slashes; not yet known to exist.
        split: train, val, test or unlabelled.
        labels: classes present, as places in :attr:`Reading.classes`, ascending; in split unlabelled they do
            not count.
        ignored: classes neither present nor absent, ascending.
        objects: in the order of the annotations.
        annotated_size: (width, height) in pixels as the annotations state it, if they do. It says
            in which frame the boxes are: of the upright picture, or of the picture as stored.
        group: of images that must stay in one split where images are set aside by chance: a patient,
            a camera, a burst.
        folder: that paths of the annotations start from, relative to the root; a file that is missing is
            looked for below it.
    """

    image_id: str
    path: str
    split: Split
    labels: tuple[int, ...]
    ignored: tuple[int, ...] = ()
    objects: tuple[ObjectRecord, ...] = ()
    annotated_size: tuple[int, int] | None = None
    group: str | None = None
    folder: str = ""


@dataclass(frozen=True)
class Reading:
    """A dataset's annotations.

    Attributes:
        classes: names of the classes; a label is a place in it.
        images: in the order of the annotations, train before val before test before unlabelled; readers of
            many give a :class:`wsdkd.datasets.reading.record_table.RecordTable`.
        rejected: what the annotations alone show to be unusable or in doubt.
        dropped: how many images were left out because a parameter says so.
        notes: sentences for whoever prepares the dataset: what was detected and taken, what is in doubt.
        unpacked: paths are relative to the folder that the reader was given to unpack pictures into.
        folder_a_class: a picture of several classes lies in the folder of each, as copies.
    """

    classes: tuple[str, ...]
    images: Sequence[ImageRecord]
    rejected: tuple[Rejection, ...] = ()
    dropped: int = 0
    notes: tuple[str, ...] = ()
    unpacked: bool = False
    folder_a_class: bool = False

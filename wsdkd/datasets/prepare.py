"""From the parameters of a dataset to the rows of its tables, through the reader of its format."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from wsdkd.data.annotations import ObjectRow
from wsdkd.data.tables import SPLITS, ImageRow
from wsdkd.datasets.check import check_images
from wsdkd.datasets.coco import parts_of, read_coco
from wsdkd.datasets.nuswide import read_nuswide
from wsdkd.datasets.params import CocoDataset, DatasetParams, NusWideDataset, ScenesDataset, VocDataset
from wsdkd.datasets.records import DatasetError, Reading, Rejection
from wsdkd.datasets.splits import hold_out
from wsdkd.datasets.table import read_table
from wsdkd.datasets.voc import read_voc

SHOWN_REASONS = 5


@dataclass(frozen=True)
class Prepared:
    """A whole dataset.

    Attributes:
        classes: names of the classes, in order.
        images: one row an image that can be used.
        objects: one row an annotated box; none where the dataset has no boxes.
        rejected: images that cannot be used, and objects whose image stays, sorted.
        dropped: images left out because a parameter says so.
        notes: sentences on what was detected and taken, and on what is in doubt.
    """

    classes: tuple[str, ...]
    images: tuple[ImageRow, ...]
    objects: tuple[ObjectRow, ...]
    rejected: tuple[Rejection, ...]
    dropped: int
    notes: tuple[str, ...] = ()

    @property
    def rejected_images(self) -> tuple[Rejection, ...]:
        """The images among :attr:`rejected`."""
        return tuple(rejection for rejection in self.rejected if rejection.kind == "image")

    def summary(self) -> str:
        """How many of everything, in a line or two."""
        count = Counter(row.split for row in self.images)
        splits = ", ".join(f"{count[split]} {split}" for split in SPLITS)
        objects = len(self.rejected) - len(self.rejected_images)
        return (
            f"{len(self.images)} images ({splits}), {len(self.classes)} classes, {len(self.objects)} boxes; "
            f"rejected: {len(self.rejected_images)} images, {objects} objects"
            + (f"; left out without a label: {self.dropped}" if self.dropped else "")
        )


def read_annotations(root: Path, params: DatasetParams) -> Reading:
    """Read a dataset's annotations by the reader of its format.

    Raises:
        DatasetError: they cannot be read.
    """
    if isinstance(params, ScenesDataset):
        return read_coco(root, parts_of(params))
    if isinstance(params, CocoDataset):
        return read_coco(root, parts_of(params), params.unlabelled)
    if isinstance(params, VocDataset):
        return read_voc(root, params)
    if isinstance(params, NusWideDataset):
        return read_nuswide(root, params)
    return read_table(root, params)


def prepare(root: Path, params: DatasetParams, workers: int | None = None) -> Prepared:
    """Read a dataset, assign its splits and decode every image once.

    Args:
        root: the dataset's folder.
        params: its format and where its parts lie.
        workers: number of processes; the result is the same for any.

    Raises:
        DatasetError: the annotations cannot be read.
    """
    reading = read_annotations(root, params)
    records = reading.images
    if not isinstance(params, ScenesDataset):  # scenes are drawn with a split val
        records = tuple(hold_out(records, "val", params.validation_fraction, params.split_seed))
    images, objects, rejected = check_images(
        records, root, max_pixels=params.max_pixels, links=params.links, workers=workers
    )
    everything = tuple(sorted((*reading.rejected, *rejected)))
    return Prepared(
        reading.classes, tuple(images), tuple(objects), everything, reading.dropped, reading.notes
    )


def refuse_unusable(prepared: Prepared, max_rejected: int, listed_in: str) -> None:
    """Refuse a dataset with too many rejected images, or with an empty split.

    Args:
        prepared: the dataset.
        max_rejected: how many rejected images are accepted.
        listed_in: the file, already written, that lists the rejected ones; for the message.

    Raises:
        DatasetError: says how many there are and the first reasons.
    """
    rejected = prepared.rejected_images
    if len(rejected) > max_rejected:
        lines = [f"  {item.path or item.image_id}: {item.reason}" for item in rejected[:SHOWN_REASONS]]
        if len(rejected) > SHOWN_REASONS:
            lines.append(f"  and {len(rejected) - SHOWN_REASONS} more")
        reasons = "\n".join(lines)
        raise DatasetError(
            f"{len(rejected)} images cannot be used, more than dataset.max_rejected: {max_rejected}; "
            f"{listed_in} lists all with the reason\n{reasons}"
        )
    count = Counter(row.split for row in prepared.images)
    for split in SPLITS:
        if count[split] == 0:
            hint = (
                "; raise dataset.validation_fraction or change dataset.split_seed" if split == "val" else ""
            )
            raise DatasetError(f"no image in split {split}{hint}")

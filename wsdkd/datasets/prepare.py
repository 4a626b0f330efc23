"""From the parameters of a dataset to the rows of its tables, through the reader of its format."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from wsdkd.data.annotations import ObjectRow
from wsdkd.data.columns import Columns
from wsdkd.data.tables import EVERY_SPLIT, SPLITS, UNLABELLED, ImageRow, Split
from wsdkd.datasets.checks.alike import Alike, look_for_alike, near_leaks
from wsdkd.datasets.checks.copies import join_copies
from wsdkd.datasets.checks.images import Found, Rules, check_images
from wsdkd.datasets.checks.repeats import join_repeats, leaks, other_labels
from wsdkd.datasets.checks.rows import rows_of
from wsdkd.datasets.checks.splits import hold_out, moved_together, split_groups
from wsdkd.datasets.coco.layouts import parts_of
from wsdkd.datasets.coco.read import read_coco
from wsdkd.datasets.corrections import corrected
from wsdkd.datasets.detect import detect
from wsdkd.datasets.folders.read import read_folders
from wsdkd.datasets.folders.unlabelled import with_unlabelled
from wsdkd.datasets.packed.hugging_face import read_hugging_face
from wsdkd.datasets.packed.webdataset import read_webdataset
from wsdkd.datasets.params import (
    AutoDataset,
    CocoDataset,
    DatasetParams,
    NamedDataset,
    ScenesDataset,
    VocDataset,
)
from wsdkd.datasets.published.nuswide import read_nuswide
from wsdkd.datasets.published.open_images import read_open_images
from wsdkd.datasets.reading.paths import require_watched
from wsdkd.datasets.reading.record_table import RecordTable
from wsdkd.datasets.reading.records import Reading
from wsdkd.datasets.reading.rejections import Rejection
from wsdkd.datasets.tables.read import read_table
from wsdkd.datasets.voc.read import read_voc
from wsdkd.ground.loading import uncollected


@dataclass(frozen=True)
class Prepared:
    """A whole dataset.

    Attributes:
        classes: names of the classes, in order.
        images: one row an image that can be used.
        objects: one row an annotated box; none where the dataset has no boxes.
        rejected: images that cannot be used, objects whose image stays, and warnings, sorted.
        dropped: images left out because a parameter says so.
        notes: sentences on what was detected and taken, and on what is in doubt.
        unpacked: the images' paths are relative to the folder that pictures were unpacked into.
        copies: ids of images whose files are byte for byte the same, two or more together.
        near: ids of pairs of images that look alike.
        turned: how many images EXIF turns upright.
    """

    classes: tuple[str, ...]
    images: Sequence[ImageRow]
    objects: Sequence[ObjectRow]
    rejected: tuple[Rejection, ...]
    dropped: int
    notes: tuple[str, ...] = ()
    unpacked: bool = False
    copies: tuple[tuple[str, ...], ...] = ()
    near: tuple[tuple[str, str], ...] = ()
    turned: int = 0

    @property
    def rejected_images(self) -> tuple[Rejection, ...]:
        """The images among :attr:`rejected`."""
        return tuple(rejection for rejection in self.rejected if rejection.kind == "image")


def read_annotations(root: Path, params: DatasetParams, unpack_into: Path | None = None) -> Reading:
    """Read a dataset's annotations by the reader of its format.

    Args:
        root: the dataset's folder.
        params: its format and where its parts lie.
        unpack_into: an empty folder, for pictures that lie within other files.

    Raises:
        DatasetError: they cannot be read.
    """
    # What a reader parses is a million small objects that all stay: to look through them for garbage, again
    # and again as they become more, took a fifth of the time.
    with uncollected():
        return with_unlabelled(_read(root, params, unpack_into), root, params)


def _read(root: Path, params: DatasetParams, unpack_into: Path | None) -> Reading:
    for key, value in params:
        if key in _FILES and isinstance(value, str) and value != "auto":
            require_watched(root, value)
        elif key in _FOLDERS and isinstance(value, str):
            require_watched(root, value, folder=True)
    if isinstance(params, ScenesDataset):
        return read_coco(root, parts_of(root, params))
    if isinstance(params, CocoDataset):
        return read_coco(root, parts_of(root, params), params.unlabelled, params.leave_out)
    if params.format in _BESIDE:
        return _BESIDE[params.format](root, params)
    if unpack_into is None:
        raise ValueError("pictures that lie within other files need a folder to be unpacked into")
    return _WITHIN[params.format](root, params, unpack_into)


_FILES = (
    "file",
    "split_file",
    *(f"{split}_{what}" for split in SPLITS for what in ("list", "annotations")),
)
_FOLDERS = ("folder", "images", "unlabelled_images", *(f"{split}_images" for split in SPLITS))
"""Parameters that name files and folders of the dataset's."""

_BESIDE: dict[str, Callable[[Path, Any], Reading]] = {
    "voc": read_voc,
    "nuswide": read_nuswide,
    "table": read_table,
    "folders": read_folders,
    "open_images": read_open_images,
}
"""Readers of pictures that are files of their own, by format."""
_WITHIN: dict[str, Callable[[Path, Any, Path], Reading]] = {
    "hugging_face": read_hugging_face,
    "webdataset": read_webdataset,
}
"""Readers of pictures that lie within other files, by format."""


def prepare(
    root: Path, params: DatasetParams, workers: int | None = None, unpack_into: Path | None = None
) -> Prepared:
    """Read a dataset, decode every image once and assign its splits.

    Args:
        root: the dataset's folder.
        params: its format and where its parts lie.
        workers: number of processes; the result is the same for any.
        unpack_into: an empty folder, for pictures that lie within other files.

    Raises:
        DatasetError: the annotations cannot be read.
        UserError: the corrections cannot be.
    """
    noticed: list[str] = []
    corrections = params.corrections
    if isinstance(params, AutoDataset):
        params, *noticed = detect(root, params)
    reading = read_annotations(root, params, unpack_into)
    if reading.unpacked and unpack_into is not None:
        root = unpack_into
    read = RecordTable.of(reading.images)
    named = {EVERY_SPLIT[split] for split in np.unique(read.splits).tolist()}
    known = set(read.ids) if corrections is not None else set[str]()
    reading = replace(reading, images=())  # let go, where others take their place
    records, listed, said = join_repeats(read, drop_leaks=_policies(params)["same"] == "drop")
    del read
    found = check_images(records, root, _rules(params), workers)
    del records
    said += join_copies(found) if reading.folder_a_class else []
    alike = look_for_alike(found.records, found.looked.digests, found.looked.grids)
    found.looked.forget_grids()
    found.records = _set_aside(found.records, alike, named, params)
    leaked, dropped = _leaks(found.records, alike, params)
    listed += [*other_labels(alike.copies), *leaked, *split_groups(found.records)]
    images: Sequence[ImageRow]
    images, objects = _kept(found, dropped, len(reading.classes))
    if corrections is not None:
        after = corrected(images, reading.classes, known, Path(corrections))
        images = after.images
        stays = [(row.image_id, row.label) not in after.removed for row in objects]
        objects = Columns(objects.table.filter(pa.array(stays, pa.bool_())), ObjectRow)
        noticed.append(after.said)
    return Prepared(
        reading.classes,
        images,
        objects,
        tuple(sorted((*reading.rejected, *found.rejected, *listed))),
        reading.dropped + len(dropped),
        (*noticed, *reading.notes, *said, *found.said),
        reading.unpacked,
        tuple(tuple(record.image_id for record in same) for same in alike.copies),
        tuple((one.image_id, other.image_id) for one, other in alike.near),
        found.turned,
    )


def _policies(params: DatasetParams) -> dict[Literal["same", "near"], Literal["keep", "drop", "refuse"]]:
    if isinstance(params, ScenesDataset):  # drawn with all splits, each scene on its own
        return {"same": "keep", "near": "keep"}
    return {"same": params.leaks, "near": params.near_leaks}


def _leaks(records: RecordTable, alike: Alike, params: DatasetParams) -> tuple[list[Rejection], set[str]]:
    """What stands in two splits, and the ids of the images that are left out for it."""
    those = {record.image_id for some in (*alike.copies, *alike.near) for record in some}
    splits = _splits_of(records, those)
    same = leaks(splits, alike.copies)
    told = {item.image_id for item in same}
    near = [item for item in near_leaks(splits, alike) if item.image_id not in told]
    policies = _policies(params)
    dropped = {
        item.image_id
        for policy, items in ((policies["same"], same), (policies["near"], near))
        if policy == "drop"
        for item in items
    }
    return [*same, *near], dropped


def _splits_of(records: RecordTable, those: set[str]) -> dict[str, Split]:
    if not those:
        return {}
    splits = zip(records.ids, records.splits, strict=True)
    return {image_id: EVERY_SPLIT[split] for image_id, split in splits if image_id in those}


def _rules(params: DatasetParams) -> Rules:
    if isinstance(params, CocoDataset | VocDataset):
        return Rules(params.max_pixels, params.links, params.boxes_drawn_on, params.other_size)
    return Rules(params.max_pixels, params.links)


def _set_aside(records: RecordTable, alike: Alike, named: set[Split], params: DatasetParams) -> RecordTable:
    if isinstance(params, ScenesDataset):  # drawn with all splits
        return hold_out(records, UNLABELLED, params.unlabelled_share, params.seed)
    near = () if params.near_leaks == "keep" else alike.near
    together = moved_together(records, [*alike.copies, *near])
    if isinstance(params, CocoDataset | VocDataset | NamedDataset) and "test" not in named:
        records = hold_out(records, "test", params.test_fraction, params.split_seed, together)
    if "val" not in named:
        records = hold_out(records, "val", params.validation_fraction, params.split_seed, together)
    return hold_out(records, UNLABELLED, params.unlabelled_share, params.split_seed, together)


def _kept(found: Found, dropped: set[str], num_classes: int) -> tuple[Columns[ImageRow], Columns[ObjectRow]]:
    records = found.records
    keep = np.fromiter((image_id not in dropped for image_id in records.ids), bool, len(records))
    images = rows_of(records, found.looked, keep, num_classes)
    known = keep & (records.splits != EVERY_SPLIT.index(UNLABELLED))
    if known.all() or not len(found.objects):
        return images, found.objects
    of = found.objects.table.column("image_id").combine_chunks().indices.to_numpy()
    return images, Columns(found.objects.table.filter(pa.array(known[of])), ObjectRow)

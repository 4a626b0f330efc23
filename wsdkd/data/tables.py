"""The tables that every room after ``datasets`` reads: all that training may see of a dataset.

``images.parquet`` has a row an image, with its image-level labels. ``classes.json`` has the names of the
classes; a label is a place in this list.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wsdkd import project
from wsdkd.data.columns import Columns, Rows, in_columns
from wsdkd.data.parquet import WRITTEN_BY, read_batches, refuse_rows, telling, told, write_parquet
from wsdkd.data.photographs import in_folder
from wsdkd.data.records import LAYOUT, Records, fill_records
from wsdkd.ground.digests import digest
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file
from wsdkd.ground.reading import read_json
from wsdkd.ground.spool import Spool
from wsdkd.ground.unpacked import Unpacking, unpack

Split = Literal["train", "val", "test", "unlabelled"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
"""Those whose images have labels."""
UNLABELLED: Split = "unlabelled"
"""Images whose labels nobody knows: all their classes are ignored. Only a student that has a teacher learns
from them."""
EVERY_SPLIT = (*SPLITS, UNLABELLED)
TAUGHT: tuple[Split, ...] = ("train", UNLABELLED)
"""What a teacher's cache holds, and students learn from by distillation."""
FIRST_TO_GO = (UNLABELLED, *SPLITS)
"""Of a picture in two splits, which one is left out: the earlier."""
BATCH_ROWS, BATCH_BYTES = 65_536, 1 << 20
"""Rows, and bytes of a column, read at once from Parquet."""
READ_ROWS = 256
"""Read at once where one row after the other is asked for."""

IMAGES_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("path", pa.string()),  # below photographs_folder, with forward slashes; or a stretch of a file
        ("width", pa.int32()),  # pixels, after EXIF orientation
        ("height", pa.int32()),
        ("split", pa.string()),
        ("labels", pa.list_(pa.int16())),  # classes present, as places in classes.json, ascending
        ("ignored", pa.list_(pa.int16())),  # classes neither present nor absent
        ("digest", pa.string()),  # SHA-256 of the file, so that a changed picture is a changed table
    ]
)
_CLASSES = "classes"
"""Under which a table of images tells the digest of the classes' names."""
REPEATING = ("width", "height", "split", "labels.list.element", "ignored.list.element")
"""Columns, as Parquet names them, whose values stand in many rows."""


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One image; sizes in pixels after EXIF orientation, labels as places in ``classes.json``."""

    image_id: str
    path: str
    width: int
    height: int
    split: str
    labels: tuple[int, ...]
    ignored: tuple[int, ...]
    digest: str


class ImageTable(Rows[ImageRow]):
    """Rows that lie in temporary files, and become objects when they are asked for.

    As an object a row takes a kilobyte, and every forked process would soon have a copy of its own, as
    looking at an object writes to it.
    """

    def __init__(self, records: Records):
        self._records, self._places = records, range(len(records))

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[ImageRow]:
        """Rows in order; of many that follow each other, some are read at once."""
        if self._places.step != 1:
            yield from (self[number] for number in range(len(self)))
            return
        for start in range(self._places.start, self._places.stop, READ_ROWS):
            for fields in self._records.read(start, min(start + READ_ROWS, self._places.stop)):
                yield ImageRow(*fields)

    @overload
    def __getitem__(self, place: int) -> ImageRow: ...

    @overload
    def __getitem__(self, place: slice) -> "ImageTable": ...

    def __getitem__(self, place: int | slice) -> "ImageRow | ImageTable":
        """A row, or a table of some of the rows that shares their files."""
        if isinstance(place, slice):
            part = ImageTable(self._records)
            part._places = self._places[place]
            return part
        at = self._places[place]
        return ImageRow(*next(self._records.read(at, at + 1)))


class RowsAt(Sequence[ImageRow]):
    """Some rows of many, in any order, without a list of them.

    Args:
        rows: from which.
        places: whole numbers (n,), in the order wanted.
    """

    def __init__(self, rows: Sequence[ImageRow], places: np.ndarray):
        self._rows, self._places = rows, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> ImageRow: ...

    @overload
    def __getitem__(self, place: slice) -> "RowsAt": ...

    def __getitem__(self, place: int | slice) -> "ImageRow | RowsAt":
        """A row, or some of the rows."""
        if isinstance(place, slice):
            return RowsAt(self._rows, self._places[place])
        return self._rows[int(self._places[place])]


def write_images(
    path: Path, rows: Sequence[ImageRow], folder: Path | None = None, classes: Sequence[str] | None = None
) -> None:
    """Write ``rows``, sorted by image id; equal rows give equal bytes.

    Args:
        path: of ``images.parquet``.
        rows: of all splits.
        folder: that the rows' paths are relative to, where it is another than ``dataset.root``.
        classes: names that the labels are places of, which must stand in the ``classes.json`` beside it.
    """
    table = in_folder(image_columns(rows).table, folder)
    if classes is not None:
        table = telling(table, _CLASSES, digest(list(classes)))
    order = pc.sort_indices(table.column("image_id")).to_numpy()
    with publish_file(path) as aside:
        write_parquet(aside, table, repeating=REPEATING, order=order)


def image_columns(rows: Iterable[ImageRow]) -> Columns[ImageRow]:
    """Rows in memory column by column; as they are, where they lie so already."""
    return in_columns(rows, IMAGES_SCHEMA, ImageRow)


def read_images(
    path: Path, split: Split | Sequence[Split] | None = None, *, num_classes: int | None = None
) -> ImageTable:
    """Read the rows of ``split`` (all by default), sorted by image id, into temporary files beside the table.

    Those of a table below ``data/`` are shared by the processes of a machine.

    Args:
        path: of ``images.parquet``.
        split: whose rows to keep, or several together; all rows are checked.
        num_classes: how many names ``classes.json`` has; a label beyond them is refused.

    Raises:
        UserError: the file is missing, damaged or not a table of images, or a row cannot be.
        DiskFullError: there is no room for the temporary files.
    """
    splits = EVERY_SPLIT if split is None else (split,) if isinstance(split, str) else tuple(split)

    def fill(spools: Mapping[str, Spool]) -> None:
        read = read_batches(path, IMAGES_SCHEMA, "images", rows=BATCH_ROWS, buffer_size=BATCH_BYTES)
        wanted, checked = pa.array(splits, pa.string()), _checked(path, read, num_classes)
        kept = (batch.filter(pc.is_in(batch.column("split"), value_set=wanted)) for batch in checked)
        fill_records(spools, EVERY_SPLIT, kept)

    unpacking = Unpacking([path], f"images of {splits}, {num_classes} classes", LAYOUT, fill)
    return ImageTable(Records(unpack(unpacking, path.parent, project.shared_by(path)), EVERY_SPLIT))


def _checked(
    path: Path, batches: Iterable[pa.RecordBatch], num_classes: int | None
) -> Iterator[pa.RecordBatch]:
    start, last = 0, pa.array([], pa.string())
    for batch in batches:
        ids = pa.concat_arrays([last, batch.column("image_id")])
        disordered = pc.less_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
        reason = "stands in it twice, or out of order"
        refuse_rows(path, "image_id", disordered, start + 1 - len(last), reason)
        last = ids[-1:]
        for name in ("width", "height"):
            refuse_rows(path, name, batch.column(name).to_numpy() < 1, start, "is below one pixel")
        split = batch.column("split").dictionary_encode()
        unknown = ~np.isin(split.dictionary.to_pylist(), EVERY_SPLIT)
        reason = f"is none of {', '.join(EVERY_SPLIT)}"
        refuse_rows(path, "split", unknown[split.indices.to_numpy()], start, reason)
        keys = [_label_keys(path, batch, name, start, num_classes) for name in ("labels", "ignored")]
        both = keys[1][np.isin(keys[1], keys[0], assume_unique=True)] if len(keys[1]) else keys[1]
        refuse_rows(path, "ignored", np.bincount(both >> 16), start, "has a class of labels too")
        hidden = pc.equal(batch.column("split"), UNLABELLED).to_numpy(zero_copy_only=False)
        counts = [pc.list_value_length(batch.column(name)).to_numpy() for name in ("labels", "ignored")]
        refuse_rows(path, "labels", hidden & (counts[0] > 0), start, f"has a class, in split {UNLABELLED}")
        if num_classes is not None:
            reason = f"lacks classes, though none is known in split {UNLABELLED}"
            refuse_rows(path, "ignored", hidden & (counts[1] < num_classes), start, reason)
        start += batch.num_rows
        yield batch


def _label_keys(
    path: Path, batch: pa.RecordBatch, name: str, start: int, num_classes: int | None
) -> np.ndarray:
    # Each label of a column as one number: its row within the batch, and the class in the lower 16 bits.
    column = batch.column(name)
    rows, labels = column.value_parent_indices().to_numpy(), column.flatten()
    if labels.null_count:
        empty = labels.is_null().to_numpy(zero_copy_only=False)
        refuse_rows(path, name, np.bincount(rows[empty]), start, "has an empty place")
    labels = labels.to_numpy()
    beyond = (labels < 0) if num_classes is None else (labels < 0) | (labels >= num_classes)
    size = "" if num_classes is None else f", which has {num_classes} names"
    refuse_rows(path, name, np.bincount(rows[beyond]), start, f"has a class beyond classes.json{size}")
    keys = (rows << 16) | labels
    disordered = rows[1:][keys[1:] <= keys[:-1]]
    refuse_rows(path, name, np.bincount(disordered), start, "has a class twice, or classes out of order")
    return keys


def side_of(split: str) -> str:
    """The split that counts where no picture may stand in two: students learn from two of them alike."""
    return TAUGHT[0] if split in TAUGHT else split


def targets(rows: Sequence[ImageRow], num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels as arrays.

    Returns:
        ``labels``, float32 (N, K), 1 where a class is present; ``known``, bool (N, K), False where
        the class is ignored and must enter neither a loss nor a metric.
    """
    labels = np.zeros((len(rows), num_classes), dtype=np.float32)
    known = np.ones((len(rows), num_classes), dtype=bool)
    for i, row in enumerate(rows):
        labels[i, list(row.labels)] = 1
        known[i, list(row.ignored)] = False
    return labels, known


def label_counts(rows: Iterable[ImageRow], num_classes: int) -> np.ndarray:
    """How many of ``rows`` have each class, float64 (K,)."""
    counts = np.zeros(num_classes)
    for row in rows:
        counts[list(row.labels)] += 1
    return counts


def write_classes(path: Path, names: Sequence[str]) -> None:
    """Write the class names in order."""
    with publish_file(path) as aside:
        aside.write_text(json.dumps(list(names), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_classes(path: Path) -> list[str]:
    """Read the class names in order.

    Raises:
        UserError: the file is missing, does not hold a list of distinct names, or not those that the images
            beside it were labelled by.
    """
    names = read_json(path, WRITTEN_BY)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"{path}: expected a list of class names; {WRITTEN_BY}")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise UserError(f"{path}: class {repeated[0]!r} stands in it twice; {WRITTEN_BY}")
    images = path.with_name(project.IMAGES.name)
    recorded = told(images, _CLASSES) if images.is_file() else None
    if recorded is not None and recorded != digest(names):
        raise UserError(f"{path}: not the names that {images} was written with; {WRITTEN_BY}")
    return names

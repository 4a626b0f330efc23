"""From records and what decoding found to the rows of both tables, as columns of Arrow and not as objects."""

from array import array
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from wsdkd.data.annotations import PLACED_SCHEMA, ObjectRow
from wsdkd.data.columns import Columns
from wsdkd.data.tables import EVERY_SPLIT, IMAGES_SCHEMA, UNLABELLED, ImageRow
from wsdkd.datasets.checks.looked import Looked
from wsdkd.datasets.reading.record_table import Lists, RecordTable

BATCH = 16_384
"""Images that are turned at once."""
HEX = 64
"""Digits of a digest."""


def rows_of(
    records: RecordTable, looked: Looked, keep: np.ndarray | None = None, num_classes: int | None = None
) -> Columns[ImageRow]:
    """A row for each record, in order.

    Args:
        records: of images that can be used.
        looked: what was found of each.
        keep: bool (N,), which of them; all by default.
        num_classes: all of which are ignored in images of split unlabelled; by default these say what their
            records do.
    """
    splits, widths, heights, digests = records.splits, looked.widths, looked.heights, looked.digests
    batches = []
    for start in range(0, max(1, len(records)), BATCH):
        part = slice(start, min(start + BATCH, len(records)))
        labels = records.labels(part.start, part.stop)
        ignored = records.ignored_runs(part.start, part.stop)
        if num_classes is not None:
            hidden = splits[part] == EVERY_SPLIT.index(UNLABELLED)
            labels = _with(labels, hidden, ())
            ignored = _with(ignored, hidden, (0, num_classes - 1) if num_classes else ())
        columns = [
            pa.array(records.ids[part], pa.string()),
            pa.array(records.paths[part], pa.string()),
            pa.array(widths[part].copy()),
            pa.array(heights[part].copy()),
            pa.array(np.array(EVERY_SPLIT, object)[splits[part]], pa.string()),
            _list_array(labels),
            _list_array(_spread(ignored)),
            _digits(digests[part]),
        ]
        batch = pa.RecordBatch.from_arrays(columns, schema=IMAGES_SCHEMA)
        batches.append(batch if keep is None else batch.filter(pa.array(keep[part])))
    return Columns(pa.Table.from_batches(batches, IMAGES_SCHEMA), ImageRow)


def _with(lists: Lists, where: np.ndarray, values: Sequence[int]) -> Lists:
    """Lists of which some are replaced by one and the same."""
    stays = lists.values[~np.repeat(where, lists.counts)]
    counts = np.where(where, 0, lists.counts)
    begins = np.cumsum(counts) - counts
    places = np.repeat(begins[where], len(values))
    filled = np.insert(stays, places, np.tile(np.array(values, stays.dtype), int(where.sum())))
    return Lists(filled, np.where(where, len(values), counts))


def _spread(runs: Lists) -> Lists:
    """The numbers of runs that are given by their first and last."""
    first, last = runs.values[::2].astype(np.int64), runs.values[1::2].astype(np.int64)
    lengths = last - first + 1
    ends = np.cumsum(lengths)
    values = np.arange(int(lengths.sum())) + np.repeat(first - (ends - lengths), lengths)
    until = np.concatenate([[0], ends])[np.cumsum(runs.counts) // 2]
    return Lists(values, np.diff(until, prepend=0))


def _list_array(lists: Lists) -> pa.Array:
    ends = np.concatenate([[0], np.cumsum(lists.counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(lists.values).cast(pa.int16()))


def _digits(digests: np.ndarray) -> pa.Array:
    ends = np.arange(0, HEX * (len(digests) + 1), HEX, dtype=np.int32)
    return pa.StringArray.from_buffers(
        len(digests), pa.py_buffer(ends), pa.py_buffer(digests.tobytes().hex().encode())
    )


class Objects:
    """Rows of objects in 41 bytes each, as they are found."""

    def __init__(self) -> None:
        self._images, self._labels = array("i"), array("i")
        self._boxes, self._flags = array("d"), bytearray()

    def append(self, place: int, rows: Iterable[ObjectRow]) -> None:
        """Add the objects of the image at a place."""
        for row in rows:
            self._images.append(place)
            self._labels.append(row.label)
            self._boxes.extend((row.x1, row.y1, row.x2, row.y2))
            self._flags.append(row.difficult << 1 | row.crowd)

    def of(self, ids: Sequence[str]) -> Columns[ObjectRow]:
        """All of them, by columns.

        Args:
            ids: of all images; a place is one of these.
        """
        names = pa.array(ids if len(self._flags) else [], pa.large_string())
        boxes = np.frombuffer(self._boxes, np.float64).reshape(-1, 4)
        flags = np.frombuffer(self._flags, np.uint8)
        columns = [
            pa.DictionaryArray.from_arrays(pa.array(np.frombuffer(self._images, np.int32)), names),
            pa.array(np.frombuffer(self._labels, np.int32)).cast(pa.int16()),
            *(pa.array(np.ascontiguousarray(boxes[:, side])) for side in range(4)),
            pa.array(flags & 2 > 0),
            pa.array(flags & 1 > 0),
        ]
        return Columns(pa.Table.from_arrays(columns, schema=PLACED_SCHEMA), ObjectRow)

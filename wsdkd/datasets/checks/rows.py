"""From records and what decoding found to the rows of both tables, as columns of Arrow and not as objects."""

from array import array
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from wsdkd.data.annotations import PLACED_SCHEMA, ObjectRow
from wsdkd.data.columns import Columns
from wsdkd.data.parquet import GROUP_ROWS
from wsdkd.data.tables import EVERY_SPLIT, IMAGES_SCHEMA, UNLABELLED, ImageRow
from wsdkd.datasets.checks.looked import Looked
from wsdkd.datasets.reading.record_table import Lists, RecordTable

BATCH = 4096
"""Images whose columns are computed at once."""
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
    # In pieces as they are written, so that these need not be put together once more.
    groups = []
    for start in range(0, max(1, len(records)), GROUP_ROWS):
        group = range(start, min(start + GROUP_ROWS, len(records)))
        rows = _group(records, looked, group, num_classes)
        stays = None if keep is None else keep[group.start : group.stop]
        groups.append(rows if stays is None or stays.all() else rows.filter(pa.array(stays)))
    return Columns(pa.Table.from_batches(groups, IMAGES_SCHEMA), ImageRow)


def _group(records: RecordTable, looked: Looked, group: range, num_classes: int | None) -> pa.RecordBatch:
    parts = [group[at : at + BATCH] for at in range(0, max(1, len(group)), BATCH)]
    whole = slice(group.start, group.stop)
    splits = records.splits
    labels, ignored, digits = [], [], bytearray()
    for part in parts:
        present, runs = (lists(part.start, part.stop) for lists in (records.labels, records.ignored_runs))
        if num_classes is not None:
            hidden = splits[part.start : part.stop] == EVERY_SPLIT.index(UNLABELLED)
            present = _with(present, hidden, ())
            runs = _with(runs, hidden, (0, num_classes - 1) if num_classes else ())
        labels.append(_list_array(present))
        ignored.append(_list_array(_spread(runs)))
        digits += looked.digests[part.start : part.stop].tobytes().hex().encode()
    ids = _text_array(map(records.ids.__getitem__, group))
    same = records.ids_are_paths(group.start, group.stop)
    names = pa.DictionaryArray.from_arrays(pa.array(splits[whole].astype(np.int8)), list(EVERY_SPLIT))
    columns = [
        ids,
        ids if same else _text_array(map(records.paths.__getitem__, group)),
        pa.array(looked.widths[whole].copy()),
        pa.array(looked.heights[whole].copy()),
        names.cast(pa.string()),
        pa.concat_arrays(labels),
        pa.concat_arrays(ignored),
        _texts_between(np.arange(0, HEX * (len(group) + 1), HEX, dtype=np.int32), digits),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=IMAGES_SCHEMA)


def _text_array(texts: Iterable[str]) -> pa.Array:
    content, ends = bytearray(), array("i", [0])
    for text in texts:
        content += text.encode()
        ends.append(len(content))
    return _texts_between(np.frombuffer(ends, np.int32), content)


def _texts_between(ends: np.ndarray, content: bytearray) -> pa.Array:
    return pa.StringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), pa.py_buffer(content))


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


class Objects:
    """Rows of objects in 41 bytes each, as they are found.

    Args:
        most: how many there may be.
    """

    def __init__(self, most: int) -> None:
        # At once: what grows step by step leaves holes behind that are as large.
        self._images, self._labels = np.empty(most, np.int32), np.empty(most, np.int32)
        self._sides = [np.empty(most) for _ in range(4)]  # x1, y1, x2, y2
        self._difficult, self._crowd = np.empty(most, bool), np.empty(most, bool)
        self._count = 0

    def append(self, place: int, rows: Iterable[ObjectRow]) -> None:
        """Add the objects of the image at a place."""
        for row in rows:
            at = self._count
            self._images[at], self._labels[at] = place, row.label
            for side, value in zip(self._sides, (row.x1, row.y1, row.x2, row.y2), strict=True):
                side[at] = value
            self._difficult[at], self._crowd[at] = row.difficult, row.crowd
            self._count += 1

    def of(self, ids: Sequence[str]) -> Columns[ObjectRow]:
        """All of them, by columns.

        Args:
            ids: of all images; a place is one of these.
        """
        here = slice(self._count)
        names = pa.array(ids if self._count else [], pa.large_string())
        columns = [
            pa.DictionaryArray.from_arrays(pa.array(self._images[here]), names),
            pa.array(self._labels[here]).cast(pa.int16()),
            *(pa.array(side[here]) for side in self._sides),  # no copies
            pa.array(self._difficult[here]),
            pa.array(self._crowd[here]),
        ]
        return Columns(pa.Table.from_arrays(columns, schema=PLACED_SCHEMA), ObjectRow)

"""Rows of images in temporary files, read a few at a time: memory does not grow with them.

Of millions of images, texts and lists in memory are gigabytes, in every process that reads them. Here a row
takes some 150 bytes of disk, once a machine (:mod:`wsdkd.ground.unpacked`), and a few microseconds when it is
asked for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wsdkd.ground.spool import Layout, RowSource, Spool

TEXTS, LISTS, SIZES = ("image_id", "path", "digest"), ("labels", "ignored"), ("width", "height")
"""Columns of a table of images, by what they hold."""
RECORD = np.dtype(
    [
        ("text", "<i8"),  # where its texts begin, one after the other, in bytes
        ("classes", "<i8"),  # where its lists begin, one after the other, in values
        *((name, "<i4") for name in TEXTS),  # bytes of each
        *((name, "<i4") for name in LISTS),  # values of each
        *((name, "<i4") for name in SIZES),
        ("split", "<i4"),  # place among the splits
    ]
)
Fields = tuple[str, str, int, int, str, tuple[int, ...], tuple[int, ...], str]
"""Of a row, in the order of the table's columns."""


LAYOUT: Layout = {"rows": (RECORD, None), "texts": (np.uint8, None), "classes": (np.int16, None)}
"""Of the files that rows are read from."""


def fill_records(
    spools: Mapping[str, Spool], splits: Sequence[str], batches: Iterable[pa.RecordBatch]
) -> None:
    """Append rows to the files of :data:`LAYOUT`.

    Args:
        spools: these files.
        splits: all that there are.
        batches: of the table's columns, whose values have been checked.

    Raises:
        DiskFullError: there is no room.
    """
    rows, texts, classes = (spools[name] for name in LAYOUT)
    for batch in batches:
        values = _side_by_side([batch.column(name) for name in LISTS])
        rows.append(_records(batch, splits, len(texts), len(classes)))
        texts.append(_joined([batch.column(name) for name in TEXTS]))
        classes.append(values)


class Records:
    """Rows of a table of images, read by their places, from any thread and after a fork.

    Args:
        spools: filled by :func:`fill_records`.
        splits: all that there are.
    """

    def __init__(self, spools: Mapping[str, Spool], splits: Sequence[str]):
        self._splits = tuple(splits)
        self._count = len(spools["rows"])
        self._rows: RowSource = spools["rows"]
        self._texts: RowSource = spools["texts"]
        self._classes: RowSource = spools["classes"]

    def __len__(self) -> int:
        return self._count

    def read(self, start: int, stop: int) -> Iterator[Fields]:
        """The rows at places ``start`` to ``stop``, which must be within what there is."""
        if start == stop:
            return
        records = self._rows[start:stop]
        last = records[-1]
        ends = [int(last[name]) + sum(int(last[part]) for part in parts) for name, parts in _PARTS]
        begins = [int(records[0][name]) for name, _ in _PARTS]
        texts = self._texts[begins[0] : ends[0]].tobytes()
        classes = self._classes[begins[1] : ends[1]].tolist()
        for text, first, *lengths, labels, ignored, width, height, split in records.tolist():
            at, of = text - begins[0], first - begins[1]
            spelt = []
            for length in lengths:
                spelt.append(texts[at : at + length].decode())
                at += length
            held = tuple(classes[of : of + labels]), tuple(classes[of + labels : of + labels + ignored])
            yield (spelt[0], spelt[1], width, height, self._splits[split], *held, spelt[2])


_PARTS = (("text", TEXTS), ("classes", LISTS))


def _records(batch: pa.RecordBatch, splits: Sequence[str], text: int, classes: int) -> np.ndarray:
    rows = np.zeros(batch.num_rows, RECORD)
    for name in TEXTS:
        rows[name] = pc.binary_length(batch.column(name)).to_numpy()
    for name in LISTS:
        rows[name] = pc.list_value_length(batch.column(name)).to_numpy()
    for name in SIZES:
        rows[name] = batch.column(name).to_numpy()
    rows["split"] = pc.index_in(batch.column("split"), value_set=pa.array(splits)).to_numpy()
    for (name, parts), begin in zip(_PARTS, (text, classes), strict=True):
        each = np.sum([rows[part] for part in parts], axis=0, dtype=np.int64)
        rows[name] = begin + np.cumsum(each) - each
    return rows


def _joined(texts: Sequence[pa.Array]) -> np.ndarray:
    """UTF-8 (B,) of the texts of each row, one after the other."""
    joined = pc.binary_join_element_wise(*texts, "")
    content = joined.buffers()[2]
    size = sum(pc.sum(pc.binary_length(column)).as_py() or 0 for column in texts)
    return np.frombuffer(content or b"", np.uint8)[:size]


def _side_by_side(lists: Sequence[pa.Array]) -> np.ndarray:
    """Values (V,) of the lists of each row, one after the other."""
    lengths = np.stack([pc.list_value_length(column).to_numpy() for column in lists], axis=1).astype(np.int64)
    ends = np.cumsum(lengths.ravel()).reshape(lengths.shape)
    values = np.empty(int(lengths.sum()), np.int16)
    for column, each, end in zip(lists, lengths.T, ends.T, strict=True):
        # From the place of a value in its own column to the one between the values of the other.
        moved = (end - each) - (np.cumsum(each) - each)
        values[np.arange(int(each.sum())) + np.repeat(moved, each)] = column.flatten().to_numpy()
    return values

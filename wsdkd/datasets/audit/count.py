"""Counting what is to be known of a prepared dataset."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wsdkd.data.tables import EVERY_SPLIT, SPLITS, UNLABELLED, image_columns, side_of
from wsdkd.datasets.audit.facts import Alike, Doubt, Facts
from wsdkd.datasets.audit.together import Groups, groups_of, together
from wsdkd.datasets.prepare import Prepared
from wsdkd.datasets.reading.names import hardly_different
from wsdkd.datasets.reading.rejections import Rejection

EXAMPLES = 12
"""Of each kind of doubt."""
SIZES = 6
"""The most frequent sizes of pictures that are kept."""
ODD = 4.0
"""A picture is of an odd size whose shorter side is so many times smaller or larger than the median of all,
or which is so many times as long as wide."""
BATCH = 16_384
"""Images whose classes are counted at once."""
Write = Callable[[str], str]
"""Makes a sentence fit for a file."""


def facts_of(prepared: Prepared, root: Path | None = None) -> Facts:
    """Count a dataset.

    Args:
        prepared: the dataset.
        root: its folder. Sentences that name it say ``dataset.root`` instead, so that nothing is different
            where a dataset has moved.
    """
    rows, classes = image_columns(prepared.images), prepared.classes
    table = rows.table
    write = _writer(root)
    splits = _splits(table)
    split_of = _sides(table, splits, {name for some in (*prepared.copies, *prepared.near) for name in some})
    count = dict(zip(EVERY_SPLIT, np.bincount(splits, minlength=len(EVERY_SPLIT)).tolist(), strict=True))
    odd = _odd(table)
    pairs = together(rows, len(classes))
    width, height = (table.column(side).to_numpy().astype(np.int64) for side in ("width", "height"))
    sizes, times = np.unique(width << 32 | height, return_counts=True)
    frequent = np.argsort(-times, kind="stable")[:SIZES].tolist()
    return Facts(
        notes=tuple(map(write, prepared.notes)),
        classes=classes,
        images=(count["train"], count["val"], count["test"]),
        unlabelled=count[UNLABELLED],
        present=_by_split(table, "labels", len(classes)),
        unknown=_by_split(table, "ignored", len(classes)),
        labels=_labels_an_image(splits, pc.list_value_length(table.column("labels")).to_numpy()),
        boxes=len(prepared.objects),
        dropped=prepared.dropped,
        turned=prepared.turned,
        sizes=tuple((int(sizes[at]) >> 32, int(sizes[at]) & 0xFFFFFFFF, int(times[at])) for at in frequent),
        odd_sizes=len(odd),
        odd=tuple(odd[:EXAMPLES]),
        hardly_different=tuple(map(tuple, hardly_different(classes))),
        same_images=tuple(tuple(classes[place] for place in group) for group in pairs.same),
        never_without=tuple((classes[one], classes[other], n) for one, other, n in pairs.never_without),
        copies=_alike(groups_of(prepared.copies, split_of), split_of),
        near=_alike(groups_of(prepared.near, split_of), split_of),
        doubts=tuple(_doubts(prepared.rejected, write)),
    )


def _sides(table: pa.Table, splits: np.ndarray, those: set[str]) -> dict[str, str]:
    """The split that counts of some images, by their ids."""
    if not those:
        return {}
    found = pc.is_in(table.column("image_id"), value_set=pa.array(sorted(those), pa.string()))
    places = np.flatnonzero(found.to_numpy(zero_copy_only=False))
    names = table.column("image_id").take(places).to_pylist()
    return {name: side_of(EVERY_SPLIT[splits[place]]) for name, place in zip(names, places, strict=True)}


def _odd(table: pa.Table) -> list[tuple[str, int, int]]:
    columns = [table.column(side).to_numpy() for side in ("width", "height")]
    short, long = np.minimum(*columns).astype(np.int64), np.maximum(*columns)
    usual = np.median(short) if len(short) else 1
    places = np.flatnonzero((short * ODD < usual) | (short > ODD * usual) | (long > ODD * short))
    some = table.select(["image_id", "width", "height"]).take(places)
    return list(zip(*(column.to_pylist() for column in some.columns), strict=True))


def _splits(rows: pa.Table | pa.RecordBatch) -> np.ndarray:
    """Of each row, as places in ``EVERY_SPLIT``."""
    splits: np.ndarray = pc.index_in(rows.column("split"), value_set=pa.array(EVERY_SPLIT)).to_numpy()
    return splits


def _by_split(table: pa.Table, name: str, num_classes: int) -> tuple[tuple[int, ...], ...]:
    size = len(EVERY_SPLIT) * num_classes
    found = np.zeros(size, np.int64)
    for batch in table.to_batches(BATCH):
        counts = pc.list_value_length(batch.column(name)).to_numpy()
        splits = np.repeat(_splits(batch).astype(np.int64), counts)
        found += np.bincount(splits * num_classes + batch.column(name).flatten().to_numpy(), minlength=size)
    return tuple(map(tuple, found.reshape(len(EVERY_SPLIT), num_classes)[: len(SPLITS)].tolist()))


def _labels_an_image(splits: np.ndarray, counts: np.ndarray) -> tuple[tuple[int, int, int], ...]:
    known = splits < len(SPLITS)
    most = int(counts[known].max(initial=-1)) + 1
    found = np.bincount(counts[known] * len(SPLITS) + splits[known], minlength=most * len(SPLITS))
    return tuple((train, val, test) for train, val, test in found.reshape(most, len(SPLITS)).tolist())


def _alike(groups: Groups, split_of: dict[str, str]) -> Alike:
    across = [group for group in groups if len({split_of[name] for name in group}) > 1]
    within = [group for group in groups if len({split_of[name] for name in group}) == 1]
    return Alike(
        groups=len(groups),
        images=sum(map(len, groups)),
        across=len(across),
        examples=tuple(tuple(group[:EXAMPLES]) for group in (*across, *within)[:EXAMPLES]),
    )


def _doubts(rejected: Sequence[Rejection], write: Write) -> Iterable[Doubt]:
    count = Counter((item.kind, item.cause) for item in rejected)
    for (kind, cause), times in count.items():
        some = [item for item in rejected if item.kind == kind and item.cause is cause][:EXAMPLES]
        yield Doubt(
            kind=kind,
            cause=cause.name.lower(),
            words=cause.words,
            fix=cause.fix,
            count=times,
            examples=tuple((_shown(item.image_id), _shown(item.path), write(item.reason)) for item in some),
        )


def _writer(root: Path | None) -> Write:
    # The folder as a whole, not as the end of another path or the beginning of a longer name.
    folder = None if root is None else re.compile(rf"(?<![\w./-]){re.escape(str(root))}(?=[/:']|$)")
    return lambda text: _shown(text if folder is None else folder.sub("dataset.root", text))


def _shown(text: str) -> str:
    # Names of files may hold bytes that are no UTF-8; Python carries these as lone surrogates.
    return text.encode("utf-8", "backslashreplace").decode()

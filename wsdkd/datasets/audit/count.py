"""Counting what is to be known of a prepared dataset."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from wsdkd.data.tables import SPLITS, UNLABELLED, ImageRow, side_of
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
Write = Callable[[str], str]
"""Makes a sentence fit for a file."""


def facts_of(prepared: Prepared, root: Path | None = None) -> Facts:
    """Count a dataset.

    Args:
        prepared: the dataset.
        root: its folder. Sentences that name it say ``dataset.root`` instead, so that nothing is different
            where a dataset has moved.
    """
    rows, classes = prepared.images, prepared.classes
    write = _writer(root)
    split_of = {row.image_id: side_of(row.split) for row in rows}
    count = Counter(row.split for row in rows)
    odd = _odd(rows)
    pairs = together(rows, len(classes))
    sizes = Counter((row.width, row.height) for row in rows)
    frequent = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:SIZES]
    return Facts(
        notes=tuple(map(write, prepared.notes)),
        classes=classes,
        images=(count["train"], count["val"], count["test"]),
        unlabelled=count[UNLABELLED],
        present=_by_split(rows, len(classes), "labels"),
        unknown=_by_split(rows, len(classes), "ignored"),
        labels=_labels_an_image(rows),
        boxes=len(prepared.objects),
        dropped=prepared.dropped,
        turned=prepared.turned,
        sizes=tuple((width, height, times) for (width, height), times in frequent),
        odd_sizes=len(odd),
        odd=tuple(odd[:EXAMPLES]),
        hardly_different=tuple(map(tuple, hardly_different(classes))),
        same_images=tuple(tuple(classes[place] for place in group) for group in pairs.same),
        never_without=tuple((classes[one], classes[other], n) for one, other, n in pairs.never_without),
        copies=_alike(groups_of(prepared.copies, split_of), split_of),
        near=_alike(groups_of(prepared.near, split_of), split_of),
        doubts=tuple(_doubts(prepared.rejected, write)),
    )


def _odd(rows: Sequence[ImageRow]) -> list[tuple[str, int, int]]:
    sides = np.sort([(row.width, row.height) for row in rows] or np.zeros((0, 2)), axis=1)
    short, long = sides[:, 0], sides[:, 1]
    usual = np.median(short) if rows else 1
    odd = (short * ODD < usual) | (short > ODD * usual) | (long > ODD * short)
    return [
        (rows[place].image_id, rows[place].width, rows[place].height)
        for place in np.flatnonzero(odd).tolist()
    ]


def _by_split(rows: Iterable[ImageRow], num_classes: int, column: str) -> tuple[tuple[int, ...], ...]:
    counts = np.zeros((len(SPLITS), num_classes), np.int64)
    for row in rows:
        if row.split != UNLABELLED:
            counts[SPLITS.index(row.split), list(getattr(row, column))] += 1
    return tuple(map(tuple, counts.tolist()))


def _labels_an_image(rows: Sequence[ImageRow]) -> tuple[tuple[int, int, int], ...]:
    count = Counter((len(row.labels), row.split) for row in rows if row.split != UNLABELLED)
    most = max((number for number, _ in count), default=-1)
    return tuple(
        (count[number, "train"], count[number, "val"], count[number, "test"]) for number in range(most + 1)
    )


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

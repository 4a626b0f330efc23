"""What a person must know of a prepared dataset before hours of training, in a few lines."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from wsdkd.data.tables import SPLITS, ImageRow
from wsdkd.datasets.prepare import Prepared
from wsdkd.datasets.reading.names import hardly_different
from wsdkd.datasets.reading.rejections import Rejection

ROWS = 12
"""Of the table of classes; of more, those with the fewest training images are shown."""
NAMES = 6
"""Of classes that a line names."""
FEW = 5
"""Training images of a class below which it is named."""
MOSTLY = 0.5


def summary(prepared: Prepared, listed_in: str) -> list[str]:
    """The lines: how many of everything, the classes, and each kind of doubt with what to do about it.

    Args:
        prepared: the dataset.
        listed_in: the file that lists what is rejected or in doubt; for the last line.
    """
    lines = [*_totals(prepared), *_table(prepared), *_class_doubts(prepared)]
    doubts = list(_by_cause(prepared.rejected))
    if doubts:
        lines += [*doubts, f"all of them are listed in {listed_in}"]
    return lines


def label_counts_by_split(rows: Iterable[ImageRow], num_classes: int) -> np.ndarray:
    """Images of each split that have each class: whole numbers (3, K), splits in the order of ``SPLITS``."""
    counts = np.zeros((len(SPLITS), num_classes), np.int64)
    for row in rows:
        counts[SPLITS.index(row.split), list(row.labels)] += 1
    return counts


def _totals(prepared: Prepared) -> Iterator[str]:
    images = prepared.images
    count = Counter(row.split for row in images)
    splits = ", ".join(f"{count[split]} {split}" for split in SPLITS)
    kinds = Counter(item.kind for item in prepared.rejected)
    yield (
        f"{len(images)} images ({splits}), {len(prepared.classes)} classes, {len(prepared.objects)} boxes; "
        f"rejected: {kinds['image']} images, {kinds['object']} objects"
        + (f"; left out by a parameter: {prepared.dropped} images" if prepared.dropped else "")
    )
    labels = [len(row.labels) for row in images]
    if labels:
        unknown = sum(len(row.ignored) for row in images)
        yield (
            f"labels an image: {sum(labels) / len(labels):.2f}, {min(labels)} to {max(labels)}; "
            f"{labels.count(0)} images without any"
            + (f"; {unknown} labels neither present nor absent" if unknown else "")
        )


def _table(prepared: Prepared) -> Iterator[str]:
    counts = label_counts_by_split(prepared.images, len(prepared.classes))
    order = list(range(len(prepared.classes)))
    if len(order) > ROWS:
        order = sorted(order, key=lambda place: (counts[0, place], place))[:ROWS]
    names = [prepared.classes[place] for place in order]
    shown = [name if len(name) <= 40 else f"{name[:39]}…" for name in names]
    width = max([len(name) for name in shown], default=0) + 2
    yield "  " + "images a class".ljust(width) + "".join(f"{split:>9}" for split in SPLITS)
    width = max(width, len("images a class"))
    for name, place in zip(shown, order, strict=True):
        yield "  " + name.ljust(width) + "".join(f"{counts[row, place]:>9}" for row in range(len(SPLITS)))
    rest = len(prepared.classes) - len(order)
    if rest:
        others = counts[0, [place for place in range(len(prepared.classes)) if place not in set(order)]]
        yield f"  {rest} more classes, with {others.min()} to {others.max()} training images"


def _class_doubts(prepared: Prepared) -> Iterator[str]:
    classes = prepared.classes
    counts = label_counts_by_split(prepared.images, len(classes))
    for row, split in enumerate(SPLITS):
        without = [name for name, count in zip(classes, counts[row], strict=True) if count == 0]
        yield from _named(f"without an image in split {split}", without)
    few = [name for name, count in zip(classes, counts[0], strict=True) if 0 < count < FEW]
    yield from _named(f"with fewer than {FEW} training images", few)
    train = [row for row in prepared.images if row.split == "train"]
    always = [name for name, count in zip(classes, counts[0], strict=True) if count == len(train)]
    yield from _named("present in every training image, so that there is nothing to tell it from", always)
    for same in hardly_different(classes):
        yield f"warning: classes that differ by case, blanks or dashes alone: {', '.join(map(repr, same))}"
    unlabelled = sum(not row.labels for row in train)
    if train and unlabelled > MOSTLY * len(train):
        yield f"warning: {unlabelled} of {len(train)} training images have no label"


def _named(what: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
        yield f"warning: {len(names)} class{'es' * (len(names) > 1)} {what}: {', '.join(names[:NAMES])}{more}"


def _by_cause(rejected: Sequence[Rejection]) -> Iterator[str]:
    groups = Counter((item.kind, item.cause) for item in rejected)
    first = {(item.kind, item.cause): item for item in reversed(rejected)}
    words = {"image": "image rejected", "object": "object rejected", "warning": "warning"}
    for (kind, cause), count in groups.items():
        item = first[kind, cause]
        where = item.path or item.image_id
        yield (
            f"{words[kind]}, {count} x {cause.words}; {cause.fix} "
            f"(such as {f'{where}: ' if where else ''}{item.reason})"
        )

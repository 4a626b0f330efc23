"""What a person must know of a prepared dataset before hours of training, in a few lines."""

from collections.abc import Iterator, Sequence

import numpy as np

from wsdkd.data.tables import SPLITS, UNLABELLED
from wsdkd.datasets.audit.facts import Alike, Facts
from wsdkd.ground.words import counted

ROWS = 12
"""Of the table of classes; of more, those with the fewest training images are shown."""
NAMES = 6
"""Of classes that a line names."""
FEW = 5
"""Training images of a class below which it is named."""
MOSTLY = 0.5


def summary(facts: Facts, listed_in: str) -> list[str]:
    """The lines: how many of everything, the classes, and each kind of doubt with what to do about it.

    Args:
        facts: of the dataset.
        listed_in: the file that lists what is rejected or in doubt; for the last line.
    """
    lines = [*totals(facts), *_table(facts), *class_doubts(facts), *picture_doubts(facts)]
    doubts = list(_by_cause(facts))
    if doubts:
        lines += [*doubts, f"all of them are listed in {listed_in}"]
    return lines


def totals(facts: Facts) -> Iterator[str]:
    """Lines on how many there are of everything."""
    splits = ", ".join(f"{count} {split}" for split, count in zip(SPLITS, facts.images, strict=True))
    if facts.unlabelled:
        splits += f", {facts.unlabelled} {UNLABELLED}"
    rejected = {kind: sum(doubt.count for doubt in facts.doubts if doubt.kind == kind) for kind in KINDS}
    yield (
        f"{counted(sum(facts.images) + facts.unlabelled, 'image')} ({splits}), "
        f"{counted(len(facts.classes), 'class')}, {counted(facts.boxes, 'box')}; "
        f"rejected: {counted(rejected['image'], 'image')}, {counted(rejected['object'], 'object')}"
        + (f"; left out by a parameter: {counted(facts.dropped, 'image')}" if facts.dropped else "")
    )
    if facts.labels:
        images = np.array(facts.labels).sum(axis=1)
        numbers = np.arange(len(images))
        unknown = int(np.sum(facts.unknown))
        yield (
            f"labels an image: {(images * numbers).sum() / images.sum():.2f}, "
            f"{numbers[images > 0][0]} to {numbers[-1]}; {counted(int(images[0]), 'image')} without any"
            + (f"; {counted(unknown, 'label')} neither present nor absent" if unknown else "")
        )


def _table(facts: Facts) -> Iterator[str]:
    counts = np.array(facts.present)
    order = list(range(len(facts.classes)))
    if len(order) > ROWS:
        order = sorted(order, key=lambda place: (counts[0, place], place))[:ROWS]
    names = [facts.classes[place] for place in order]
    shown = [name if len(name) <= 40 else f"{name[:39]}…" for name in names]
    width = max([len(name) for name in shown], default=0) + 2
    yield "  " + "images a class".ljust(width) + "".join(f"{split:>9}" for split in SPLITS)
    width = max(width, len("images a class"))
    for name, place in zip(shown, order, strict=True):
        yield "  " + name.ljust(width) + "".join(f"{counts[row, place]:>9}" for row in range(len(SPLITS)))
    rest = len(facts.classes) - len(order)
    if rest:
        others = counts[0, [place for place in range(len(facts.classes)) if place not in set(order)]]
        more = "1 more class" if rest == 1 else f"{rest} more classes"
        yield f"  {more}, with {others.min()} to {others.max()} training images"


def class_doubts(facts: Facts) -> Iterator[str]:
    """Lines on classes that cannot be learned or measured well, each begun with ``warning: ``."""
    for counts, split in zip(facts.present, SPLITS, strict=True):
        without = [name for name, count in zip(facts.classes, counts, strict=True) if count == 0]
        yield from _named(f"without an image in split {split}", without)
    train, counts = facts.images[0], facts.present[0]
    few = [name for name, count in zip(facts.classes, counts, strict=True) if 0 < count < FEW]
    yield from _named(f"with fewer than {FEW} training images", few)
    always = [name for name, count in zip(facts.classes, counts, strict=True) if count == train]
    yield from _named("present in every training image, so that there is nothing to tell it from", always)
    for same in facts.same_images:
        yield f"warning: classes that are always together, so that nothing tells them apart: {_some(same)}"
    for same in facts.hardly_different:
        yield f"warning: classes that differ by case, blanks or dashes alone: {', '.join(map(repr, same))}"
    unlabelled = facts.labels[0][0] if facts.labels else 0
    if train and unlabelled > MOSTLY * train:
        yield f"warning: {unlabelled:,} of {train:,} training images have no label"


def picture_doubts(facts: Facts) -> Iterator[str]:
    """Lines on images that are the same, or of an odd size."""
    yield from _groups("are byte for byte the same", facts.copies)
    yield from _groups("differ as files, but look alike", facts.near)
    if facts.odd_sizes:
        image_id, width, height = facts.odd[0]
        odd = counted(facts.odd_sizes, "image")
        yield f"{odd} of an odd size, such as {image_id}: {width} x {height} pixels"


def _groups(what: str, alike: Alike) -> Iterator[str]:
    if alike.groups:
        across = f", {alike.across} of them in several splits" if alike.across else ""
        yield f"{counted(alike.images, 'image')} in {counted(alike.groups, 'group')} {what}{across}"


def _named(what: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        yield f"warning: {counted(len(names), 'class')} {what}: {_some(names)}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMES]) + (f" and {len(names) - NAMES} more" if len(names) > NAMES else "")


KINDS = {"image": "image rejected", "object": "object rejected", "warning": "warning"}


def _by_cause(facts: Facts) -> Iterator[str]:
    for doubt in facts.doubts:
        image_id, path, reason = doubt.examples[0]
        where = f"{path or image_id}: " if path or image_id else ""
        yield f"{KINDS[doubt.kind]}, {doubt.count} x {doubt.words}; {doubt.fix} (such as {where}{reason})"

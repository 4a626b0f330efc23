"""What is to be known of a prepared dataset, as ``data/prepared/audit.json`` keeps it.

Everything is counted over all images; of examples there are few, so that the file stays small however large
the dataset is. Equal datasets give equal bytes.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from wsdkd.data.parquet import WRITTEN_BY
from wsdkd.data.tables import SPLITS, UNLABELLED, ImageRow, side_of
from wsdkd.datasets.audit.together import Groups, groups_of, together
from wsdkd.datasets.prepare import Prepared
from wsdkd.datasets.reading.names import hardly_different
from wsdkd.datasets.reading.rejections import Rejection
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file
from wsdkd.ground.reading import read_json

EXAMPLES = 12
"""Of each kind of doubt."""
SIZES = 6
"""The most frequent sizes of pictures that are kept."""
ODD = 4.0
"""A picture is of an odd size whose shorter side is so many times smaller or larger than the median of all,
or which is so many times as long as wide."""


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Doubt(_Facts):
    """One cause in ``rejected.csv``: how often, and the first few items as (image id, path, reason)."""

    kind: str
    cause: str
    words: str
    fix: str
    count: int
    examples: tuple[tuple[str, str, str], ...]


class Alike(_Facts):
    """Groups of images that are the same or look so.

    Attributes:
        groups: how many.
        images: in all of them.
        across: groups in more than one split, of which train and unlabelled count as one.
        examples: ids, of the groups in several splits first.
    """

    groups: int
    images: int
    across: int
    examples: tuple[tuple[str, ...], ...]


class Facts(_Facts):
    """A dataset in numbers.

    Attributes:
        notes: sentences on what was detected and taken.
        classes: names, in order.
        images: of each split with labels, in the order of ``SPLITS``; so in all that follows.
        unlabelled: images of the split without.
        present: images of each split that have each class, (3, K).
        unknown: those in which the class is neither present nor absent, (3, K).
        labels: by number of labels from 0, the images of each split that have so many, (L, 3).
        boxes: annotated ones.
        dropped: images left out because a parameter says so.
        turned: images that EXIF turns upright.
        sizes: the most frequent (width, height, images), in pixels.
        odd_sizes: how many images are very small, large or long.
        odd: some of them, (id, width, height).
        hardly_different: classes whose names differ by case, blanks or dashes alone.
        same_images: classes that always come together, two or more.
        never_without: (a, b, images): wherever class a is, b is too, but not the other way round.
        copies: files that are byte for byte the same.
        near: files that differ, but look alike.
        doubts: ``rejected.csv`` by cause.
    """

    notes: tuple[str, ...]
    classes: tuple[str, ...]
    images: tuple[int, int, int]
    unlabelled: int = 0
    present: tuple[tuple[int, ...], ...]
    unknown: tuple[tuple[int, ...], ...]
    labels: tuple[tuple[int, int, int], ...]
    boxes: int
    dropped: int
    turned: int
    sizes: tuple[tuple[int, int, int], ...]
    odd_sizes: int
    odd: tuple[tuple[str, int, int], ...]
    hardly_different: tuple[tuple[str, ...], ...]
    same_images: tuple[tuple[str, ...], ...]
    never_without: tuple[tuple[str, str, int], ...]
    copies: Alike
    near: Alike
    doubts: tuple[Doubt, ...]


def facts_of(prepared: Prepared) -> Facts:
    """Count a dataset."""
    rows, classes = prepared.images, prepared.classes
    split_of = {row.image_id: side_of(row.split) for row in rows}
    count = Counter(row.split for row in rows)
    odd = _odd(rows)
    pairs = together(rows, len(classes))
    sizes = Counter((row.width, row.height) for row in rows)
    frequent = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:SIZES]
    return Facts(
        notes=tuple(map(_shown, prepared.notes)),
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
        doubts=tuple(_doubts(prepared.rejected)),
    )


def write_facts(path: Path, facts: Facts) -> None:
    """Write ``audit.json``; equal facts give equal bytes."""
    with publish_file(path) as aside:
        aside.write_text(facts.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_facts(path: Path) -> Facts:
    """Read ``audit.json``.

    Raises:
        UserError: it is missing, or damaged.
    """
    content = read_json(path, WRITTEN_BY)
    try:
        return Facts.model_validate(content)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise UserError(f"{path}: {where or 'content'}: {problem['msg']}; {WRITTEN_BY}") from None


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


def _doubts(rejected: Sequence[Rejection]) -> Iterable[Doubt]:
    count = Counter((item.kind, item.cause) for item in rejected)
    for (kind, cause), times in count.items():
        some = [item for item in rejected if item.kind == kind and item.cause is cause][:EXAMPLES]
        yield Doubt(
            kind=kind,
            cause=cause.name.lower(),
            words=cause.words,
            fix=cause.fix,
            count=times,
            examples=tuple((_shown(item.image_id), _shown(item.path), _shown(item.reason)) for item in some),
        )


def _shown(text: str) -> str:
    # Names of files may hold bytes that are no UTF-8; Python carries these as lone surrogates.
    return text.encode("utf-8", "backslashreplace").decode()

"""Datasets from which nothing can be learned, or too much of which is lost: refused before any training."""

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from wsdkd.data.tables import SPLITS, image_columns
from wsdkd.datasets.params import DatasetParams, ScenesDataset
from wsdkd.datasets.prepare import Prepared
from wsdkd.datasets.reading.rejections import Cause, DatasetError
from wsdkd.ground.words import counted

SHOWN = 3
"""Causes that the message names."""
FEW = 3
"""Images of a split that may all be without a label by chance."""
LONG = 120
"""Letters of a reason that it shows."""


def refuse_unusable(prepared: Prepared, params: DatasetParams, listed_in: str) -> None:
    """Refuse a dataset that no training should start from.

    Args:
        prepared: the dataset.
        params: what is accepted of it.
        listed_in: the file, already written, that lists the rejected images; for the message.

    Raises:
        DatasetError: more images are rejected than ``max_rejected``; the same picture stands in two splits,
            and the parameters say to refuse it; a split has no image; there is one class alone; or no
            image of a split has a label.
    """
    rejected = prepared.rejected_images
    if len(rejected) > params.max_rejected:
        raise DatasetError(
            f"{counted(len(rejected), 'image')} cannot be used, more than dataset.max_rejected: "
            f"{params.max_rejected}; "
            f"{'; '.join(_causes(prepared))}; {listed_in} lists all with the reason"
        )
    if not isinstance(params, ScenesDataset):
        _refuse_leaks(prepared, Cause.SAME_PICTURE, "leaks", params.leaks, listed_in)
        _refuse_leaks(prepared, Cause.LOOKS_THE_SAME, "near_leaks", params.near_leaks, listed_in)
    table = image_columns(prepared.images).table
    _refuse_empty_split(table)
    if len(prepared.classes) == 1:
        raise DatasetError(
            f"there is one class alone, {prepared.classes[0]!r}: the teacher's scores are a softmax over "
            "classes, which is 1 for one whatever it sees; label a second class, if only 'other'"
        )
    if not _said(table, "train", "labels"):
        raise DatasetError(
            "no image in split train has a label, so there is nothing to learn; look at the labels of that "
            f"split, and at {listed_in}"
        )
    _refuse_unlabelled_split(table)


def _refuse_leaks(prepared: Prepared, cause: Cause, parameter: str, policy: str, listed_in: str) -> None:
    found = [item for item in prepared.rejected if item.cause is cause]
    if found and policy == "refuse":
        raise DatasetError(
            f"{counted(len(found), 'image')} {'stands' if len(found) == 1 else 'stand'} in two splits, "
            f"such as {found[0].path}: {found[0].reason}; "
            f"{listed_in} lists all; dataset.{parameter}: drop leaves them out, keep keeps them"
        )


def _refuse_empty_split(table: pa.Table) -> None:
    there = table.column("split").unique().to_pylist()
    hints = {
        "train": "; label some images as such",
        "val": "; raise dataset.validation_fraction or change dataset.split_seed",
        "test": "; name one, or raise dataset.test_fraction where the format has it",
    }
    for split in SPLITS:
        if split not in there:
            raise DatasetError(f"no image in split {split}{hints[split]}")


def _refuse_unlabelled_split(table: pa.Table) -> None:
    # As a competition's test has it: each class would count as absent from all of them.
    for split in ("val", "test"):
        there = pc.equal(table.column("split"), split)
        few = (pc.sum(there).as_py() or 0) < FEW
        if not few and not _said(table, split, "labels") and not _said(table, split, "ignored"):
            first = table.column("path")[pc.index(there, True).as_py()].as_py()
            raise DatasetError(
                f"no image in split {split} has a label, such as {first}; if nobody labelled them: "
                f"dataset.split_names: {{{split}: unlabelled}} where the format has it, or take them out and "
                "name them by dataset.unlabelled_images"
            )


def _said(table: pa.Table, split: str, name: str) -> bool:
    """Whether an image of a split has any class in a column."""
    counts = pc.list_value_length(table.column(name)).filter(pc.equal(table.column("split"), split))
    return bool(pc.sum(counts).as_py())


def _causes(prepared: Prepared) -> Iterator[str]:
    count = Counter(item.cause for item in prepared.rejected_images)
    for cause, times in count.most_common(SHOWN):
        item = next(item for item in prepared.rejected_images if item.cause is cause)
        reason = item.reason if len(item.reason) <= LONG else f"{item.reason[:LONG]}…"
        where = f"{item.path or item.image_id}: " if item.path or item.image_id else ""
        yield f"{times} x {cause.words} ({where}{reason}): {cause.fix}"
    if len(count) > SHOWN:
        yield f"{len(count) - SHOWN} more causes"

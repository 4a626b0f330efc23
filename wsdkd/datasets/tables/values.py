"""Tables with a row a label that say in another column whether the label is there: ``1.jpg,dog,0``.

Who takes each row's label as present would give every image every class. So the column is looked for by its
name and by what is in it.
"""

import re
from collections.abc import Sequence
from typing import Any

from wsdkd.datasets.labels.one_hot import are_one_hot, read_one_hot
from wsdkd.datasets.labels.words import ABSENT, PRESENT, UNCERTAIN, Labels, shown, word_of
from wsdkd.datasets.params import TableDataset
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.tables.cells import Cells
from wsdkd.datasets.tables.label_columns import LABELS, by_names, require_column

VALUES = (
    "value", "present", "presence", "ispresent", "exists", "positive", "confidence", "score", "probability",
    "prob", "conf",
)  # fmt: skip
OUTLINES = ("encodedpixels", "rle", "rlemask")
"""Of masks as Kaggle's competitions have them: an empty one says that the label is not there."""

_SHARE = re.compile(r"\s*([01]?\.\d*|[01](\.0*)?|\d*\.?\d+e-\d+)\s*", re.IGNORECASE)


def value_column(cells: Cells, params: TableDataset, rest: Sequence[str]) -> str | None:
    """The column that says whether the label of its row is there; None where every label is.

    Args:
        cells: of the table.
        params: may name the column.
        rest: columns that are no path, split or group.

    Raises:
        DatasetError: a named column is not there.
    """
    if params.value_column != "auto":
        if params.value_column is not None:
            require_column(cells, params.value_column)
        return params.value_column
    if params.labels_columns is not None:
        return None
    for name in by_names(rest, (*VALUES, *OUTLINES)):
        others = [other for other in rest if other != name]
        alone = len(others) == 1 and not are_one_hot(cells.read(others[0]))
        # Beside columns that are a class each, it is a class as well.
        if (params.labels_column in others or alone or by_names(others, LABELS)) and _tells(cells, name):
            return name
    return None


def _is_outline(name: str) -> bool:
    return bool(by_names([name], OUTLINES))


def _tells(cells: Cells, name: str) -> bool:
    column = cells.read(name)
    if _is_outline(name):
        return 0 < sum(map(_is_empty, column)) < len(column)
    return _are_words(column) or _are_shares(column)


def _are_words(column: Sequence[Any]) -> bool:
    words = set(map(word_of, column))
    return bool(words & {*PRESENT, *ABSENT}) and words <= {*PRESENT, *ABSENT, *UNCERTAIN, "-1"}


def _are_shares(column: Sequence[Any]) -> bool:
    return len(column) > 0 and all(_SHARE.fullmatch(str(cell)) for cell in column)


def _is_empty(cell: Any) -> bool:
    return cell is None or str(cell).strip() in ("", "nan")


def with_values(
    labels: Sequence[Labels | str], cells: Cells, name: str, params: TableDataset, notes: list[str]
) -> list[Labels | str]:
    """The labels of each row, as present, absent or uncertain as the column ``name`` says.

    Args:
        labels: of each row, as its own column has them.
        cells: of the table.
        name: of the column.
        params: what cells mean, where it is not what is usual.
        notes: takes what was detected.

    Raises:
        DatasetError: the column holds something else than 1 and 0, such as probabilities.
    """
    column = cells.read(name)
    if _is_outline(name):
        notes.append(f"a label is absent where column {name} is empty")
        return [
            _all_absent(label) if _is_empty(cell) else label
            for label, cell in zip(labels, column, strict=True)
        ]
    if params.value_column == "auto" and not _are_words(column):
        odd = next(cell for cell in column if not _are_words([cell, 1]))
        raise DatasetError(
            f"{cells.source}: column {name!r} holds numbers such as {shown(odd)}, and nobody can tell which "
            "of them say that the label of their row is there; write 1 and 0 in their place, or take the "
            "labels of all rows: dataset.format: table, dataset.value_column: null"
        )
    values, told = read_one_hot({name: column}, params.cells, cells.rows, cells.source)
    notes += [f"column {name} says whether the label of its row is there", *told]
    return [_as_told(label, value) for label, value in zip(labels, values, strict=True)]


def _all_absent(labels: Labels | str) -> Labels | str:
    return labels if isinstance(labels, str) else Labels((), (*labels.absent, *labels.present))


def _as_told(labels: Labels | str, value: Labels) -> Labels | str:
    if isinstance(labels, str) or value.present:
        return labels
    if value.absent:
        return _all_absent(labels)
    return Labels((), labels.absent, (*labels.uncertain, *labels.present))

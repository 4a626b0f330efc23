"""Which columns hold labels, and the labels of each row."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from wsdkd.datasets.labels.one_hot import are_one_hot, read_one_hot
from wsdkd.datasets.labels.texts import read_label_cells
from wsdkd.datasets.labels.words import Labels, shown, word_of
from wsdkd.datasets.params import LabelColumns
from wsdkd.datasets.reading.names import class_name
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.tables.cells import Cells

# In the order in which they are tried; see by_names.
LABELS = (
    "labels", "label", "tags", "tag", "classes", "class", "categories", "category", "labelnames", "labelname",
    "classname", "categoryname", "classnames", "categorynames",
    "findinglabels", "attributes", "concepts", "targets", "target",
    "cls", "json", "txt", "choice", "choices", "annotations", "objects", "regionattributes", "fileattributes",
    "classid", "labelid", "categoryid", "classids", "labelids",
)  # fmt: skip

_NUMBER = re.compile(r"([-+]?\d*\.?\d*(e[-+]?\d+)?)?", re.IGNORECASE)
NO_CLASSES = (
    "fold", "kfold", "foldid", "folds", "cvfold", "split", "set", "subset", "partition", "phase", "usage",
    "index", "unnamed0", "width", "height",
)  # fmt: skip
"""Columns that may hold 1 and 0 and are none."""
MOSTLY = 0.75
"""Of the cells of a column, beside others that are classes: if so many say yes or no, it is one, too."""


def choose_labels(
    cells: Cells, params: LabelColumns, rest: Sequence[str], notes: list[str]
) -> tuple[str | None, tuple[str, ...]]:
    """The column of labels, or else those that are a class each.

    Args:
        cells: of the table.
        params: may name the columns.
        rest: columns that hold nothing else.
        notes: takes what was detected.

    Raises:
        DatasetError: a named column is not there, or nobody can tell.
    """
    named = params.labels_columns if isinstance(params.labels_columns, tuple) else ()
    for name in (*named, *([] if params.labels_column == "auto" else [params.labels_column])):
        require_column(cells, name)
    if params.labels_columns is not None:
        return None, named or tuple(rest)
    if params.labels_column != "auto":
        return params.labels_column, ()
    labels, one_hot = _label_columns(cells, rest)
    notes.append(f"labels in column {labels}" if labels else f"a class each: columns {some(one_hot)}")
    return labels, one_hot


def with_one_of_numbered(cells: Cells, params: LabelColumns) -> Cells:
    """A table whose columns tag1, tag2, ... are one column ``tag``, each cell a list of what stands in them.

    As it is where parameters name columns, or there are none.
    """
    if params.labels_column != "auto" or params.labels_columns is not None:
        return cells
    found: dict[str, list[str]] = {}
    for name in cells.head:
        numbered = re.fullmatch(r"(.*?)[\W_]*\d+", name.strip())
        if numbered and by_names([numbered[1]], LABELS):
            found.setdefault(numbered[1], []).append(name)
    stem, names = max(found.items(), key=lambda item: len(item[1]), default=("", []))
    if len(names) < 2 or stem in cells.head or are_one_hot(cells.read(names[0])):
        return cells

    def read(name: str) -> Sequence[Any]:
        if name != stem:
            return cells.read(name)
        rows = zip(*map(cells.read, names), strict=True)
        return [[cell for cell in row if cell is not None and str(cell).strip()] for row in rows]

    head = (*(name for name in cells.head if name not in names), stem)
    notes = (*cells.notes, f"columns {some(names)} hold a label each, {stem!r} together")
    return replace(cells, head=head, read=read, notes=notes)


def require_column(cells: Cells, name: str) -> None:
    """Refuse a name that is none of the columns.

    Raises:
        DatasetError: says which there are.
    """
    if name in cells.pictures:
        raise DatasetError(
            f"{cells.source}: column {name!r} holds pictures, not paths; see dataset.format: hugging_face"
        )
    if name in cells.head:
        return
    hint = ""
    flags = _flags(cells, list(cells.head))
    if len(flags) > 1:
        hint = f"; columns {some(flags)} hold 1 and 0: dataset.labels_columns: others reads each as a class"
    raise DatasetError(f"{cells.source}: no column {name!r} in it, but {some(cells.head)}{hint}")


def read_labels(
    cells: Cells, labels: str | None, one_hot: Sequence[str], params: LabelColumns, notes: list[str]
) -> tuple[list[Labels | str], tuple[str, ...]]:
    """The labels of each row, or why it tells none; and the classes, where the file has their order.

    Args:
        cells: of the table.
        labels: the column that holds them; or None.
        one_hot: the columns that are a class each, where it is None.
        params: how cells are read.
        notes: takes what was detected.

    Raises:
        DatasetError: a cell of a class's column that nobody can tell, or labels that may be split either way.
    """
    if labels is None:
        names = tuple(name for name in one_hot if name != params.none_label)
        found, told = read_one_hot(
            {name: cells.read(name) for name in names}, params.cells, cells.rows, cells.source
        )
        notes += told
        return [*found], names
    numbered = cells.class_names.get(labels, ())
    texts, told = read_label_cells(
        cells.read(labels),
        params.separator,
        numbered=numbered,
        classes=None if params.classes is None else tuple(map(class_name, params.classes)),
        marks=params.marks,
        source=f"{cells.source}: column {labels!r}",
    )
    notes += told
    return texts, tuple(map(class_name, numbered))


def _label_columns(cells: Cells, rest: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    numbered = [name for name in rest if name in cells.class_names]
    named = numbered if len(numbered) == 1 else by_names(numbered, LABELS) or by_names(rest, LABELS)
    if named:  # of VIA's two columns one may be empty
        first = next((name for name in named if _holds_something(cells.read(name))), named[0])
        return next((name for name in named if _has_names_for(cells, name, first)), first), ()
    passed = by_names(rest, NO_CLASSES)
    rest = [name for name in rest if name not in passed] or rest
    if all(map(str.isdecimal, rest)):  # without a head: beside numbers, such as the corners of boxes
        words = [name for name in rest if _holds_words(cells.read(name))]
        if len(words) == 1:
            return words[0], ()
    flags = _flags(cells, rest)
    if len(flags) > 1 or (flags and len(rest) == len(flags)):
        # A column with an odd cell or two is a class as well: they are refused where they are read.
        return None, tuple(name for name in rest if name in flags or are_one_hot(cells.read(name), MOSTLY))
    if len(rest) == 1:
        return rest[0], ()
    numbers = [name for name in rest if _is_numeric(cells.read(name))]
    odd = next(
        (cell for name in numbers for cell in cells.read(name) if word_of(cell) not in ("0", "1", "")), None
    )
    hint = (
        f"; cells such as {shown(odd)} are neither 1 nor 0: write these in their place"
        if odd is not None
        else ""
    )
    raise DatasetError(
        f"{cells.source}: nobody can tell which of the columns {some(rest) or '(none)'} hold labels; "
        "say it: dataset.labels_column, or dataset.labels_columns where each is a class with 1 and 0"
        f"{hint if len(numbers) > 1 else ''}"
    )


def _is_numeric(column: Sequence[Any]) -> bool:
    return len(column) > 0 and all(_NUMBER.fullmatch(str(cell).strip()) for cell in column)


def _has_names_for(cells: Cells, name: str, other: str) -> bool:
    # Whether a column has the names of the classes whose numbers another one has: of each number, one name.
    numbers, words = cells.read(other), cells.read(name)
    if name == other or other in cells.class_names or not all(map(_is_whole, numbers)):
        return False
    if not all(isinstance(word, str) and word.strip() and not _is_whole(word) for word in words):
        return False
    pairs = set(zip(map(str, numbers), words, strict=True))
    return len({number for number, _ in pairs}) == len(pairs) == len({word for _, word in pairs})


def _is_whole(cell: Any) -> bool:
    return str(cell).strip().isdecimal()


def _holds_something(column: Sequence[Any]) -> bool:
    return any(cell is not None and cell != "" and str(cell).strip() != "{}" for cell in column)


def _holds_words(column: Sequence[Any]) -> bool:
    return any(
        not isinstance(cell, str) or not _NUMBER.fullmatch(cell.strip()) for cell in filter(_is_text, column)
    )


def _is_text(cell: Any) -> bool:
    return cell is not None and not isinstance(cell, int | float)


def _flags(cells: Cells, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if are_one_hot(cells.read(name)))


def by_names(head: Sequence[str], names: Sequence[str]) -> list[str]:
    """The columns with one of ``names``, in the order of these; case, blanks and underscores do not count."""
    plain = {re.sub(r"[\W_]+", "", name.casefold()): name for name in reversed(head)}
    return [plain[name] for name in names if name in plain]


def some(names: Sequence[str]) -> str:
    """Names in a message, not too many."""
    return ", ".join(names) if len(names) <= 8 else f"{', '.join(names[:6])} and {len(names) - 6} more"

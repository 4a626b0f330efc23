"""Which columns of a table hold the path, the labels and the split: by their names and by what is in them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from wsdkd.datasets.cells import Cells
from wsdkd.datasets.delimited import looks_like_a_picture
from wsdkd.datasets.found import Found
from wsdkd.datasets.one_hot import are_one_hot
from wsdkd.datasets.params import TableDataset
from wsdkd.datasets.records import DatasetError
from wsdkd.datasets.split_words import means_splits

# In the order in which they are tried, without blanks and underscores.
PATHS = (
    "path", "filepath", "imagepath", "file", "filename", "image", "imagename", "imagefile", "imageindex",
    "imageid", "img", "imgpath", "imgname", "picture", "photo", "photograph", "name", "id", "key", "url",
)  # fmt: skip
LABELS = (
    "labels", "label", "tags", "tag", "classes", "class", "categories", "category", "labelnames", "classname",
    "findinglabels", "attributes", "concepts", "targets", "target", "caption",
)  # fmt: skip
SPLITS = (
    "split", "splitname", "set", "subset", "partition", "phase", "fold", "datasettype", "usage",
    "isvalid", "isval", "isvalidation", "istest", "istrain",
)  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """Names of columns.

    Attributes:
        path: of the picture.
        labels: of the cells with names of labels; or None.
        one_hot: that are a class each, in order; none where ``labels`` is one.
        split: of the splits' words; None: there is none.
        group: of the groups; None: there is none.
        notes: what was detected, as parts of a sentence.
    """

    path: str
    labels: str | None
    one_hot: tuple[str, ...]
    split: str | None
    group: str | None
    notes: tuple[str, ...]


def choose_columns(cells: Cells, params: TableDataset, found: Found) -> Columns:
    """Take the columns that the parameters name, and detect those that they leave open.

    Raises:
        DatasetError: a named column is not there, or nobody can tell where the paths or the labels are.
    """
    notes: list[str] = []
    given = [
        *(name for name in (params.path_column, params.labels_column, params.split_column) if name != "auto"),
        params.group_column,
        *(params.labels_columns if isinstance(params.labels_columns, tuple) else ()),
    ]
    for name in given:
        if name is not None:
            _require(cells, name)
    path = _path_column(cells, params, found) if params.path_column == "auto" else params.path_column
    split = _split_column(cells, path) if params.split_column == "auto" else params.split_column
    rest = [name for name in cells.head if name not in (path, split, params.group_column)]
    labels: str | None = None
    one_hot: tuple[str, ...] = ()
    if params.labels_columns == "others":
        one_hot = tuple(rest)
    elif params.labels_columns is not None:
        one_hot = params.labels_columns
    elif params.labels_column != "auto":
        labels = params.labels_column
    else:
        labels, one_hot = _label_columns(cells, rest)
        notes.append(f"labels in column {labels}" if labels else f"a class each: columns {_some(one_hot)}")
    if params.path_column == "auto":
        notes.insert(0, f"paths in column {path}")
    return Columns(path, labels, one_hot, split, params.group_column, tuple(notes))


def _require(cells: Cells, name: str) -> None:
    if name in cells.pictures:
        raise DatasetError(
            f"{cells.source}: column {name!r} holds pictures, not paths; see dataset.format: hugging_face"
        )
    if name in cells.head:
        return
    hint = ""
    flags = _flags(cells, list(cells.head))
    if len(flags) > 1:
        hint = f"; columns {_some(flags)} hold 1 and 0: dataset.labels_columns: others reads each as a class"
    raise DatasetError(f"{cells.source}: no column {name!r} in it, but {_some(cells.head)}{hint}")


def _path_column(cells: Cells, params: TableDataset, found: Found) -> str:
    named = _by_names(cells.head, PATHS)
    for name in [*named, *(name for name in cells.head if name not in named)]:
        column = [str(cell) for cell in cells.read(name)[:1000] if isinstance(cell, str | int)]
        if column and found.any_of(column):
            return name
    looking = [
        name
        for name in cells.head
        if any(isinstance(cell, str) and looks_like_a_picture(cell) for cell in cells.read(name)[:20])
    ]
    for choices in (looking, named):
        if choices:
            return choices[0]
    if cells.pictures:
        _require(cells, cells.pictures[0])
    raise DatasetError(
        f"{cells.source}: no cell of columns {_some(cells.head)} is a picture below "
        f"{params.images or 'the root'}; say which column holds the paths: dataset.path_column"
    )


def _split_column(cells: Cells, path: str) -> str | None:
    for name in _by_names(cells.head, SPLITS):
        if name != path and means_splits(cells.read(name), name):
            return name
    return None


def _label_columns(cells: Cells, rest: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    named = _by_names(rest, LABELS)
    if named:
        return named[0], ()
    flags = _flags(cells, rest)
    if len(flags) > 1 or (flags and len(rest) == len(flags)):
        return None, flags
    if len(rest) == 1:
        return rest[0], ()
    raise DatasetError(
        f"{cells.source}: nobody can tell which of the columns {_some(rest) or '(none)'} hold labels; "
        "say it: dataset.labels_column, or dataset.labels_columns where each is a class with 1 and 0"
    )


def _flags(cells: Cells, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if are_one_hot(cells.read(name)))


def _by_names(head: Sequence[str], names: Sequence[str]) -> list[str]:
    plain = {re.sub(r"[\W_]+", "", name.casefold()): name for name in reversed(head)}
    return [plain[name] for name in names if name in plain]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 8 else f"{', '.join(names[:6])} and {len(names) - 6} more"

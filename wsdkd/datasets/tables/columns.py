"""Which columns of a table hold the path, the labels and the split: by their names and by what is in them."""

from dataclasses import dataclass

from wsdkd.datasets.params import TableDataset
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.reading.words import means_splits, names_splits
from wsdkd.datasets.tables.cells import Cells
from wsdkd.datasets.tables.delimited import looks_like_a_picture
from wsdkd.datasets.tables.found import Found
from wsdkd.datasets.tables.label_columns import by_names, choose_labels, require_column, some
from wsdkd.datasets.tables.values import value_column

# In the order in which they are tried; see by_names.
PATHS = (
    "path", "filepath", "imagepath", "file", "filename", "image", "imagename", "imagefile", "imageindex",
    "imageid", "img", "imgpath", "imgname", "picture", "photo", "photograph", "name", "id", "key", "url",
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
        value: that says whether the label of its row is there; None: there is none.
        notes: what was detected, as parts of a sentence.
    """

    path: str
    labels: str | None
    one_hot: tuple[str, ...]
    split: str | None
    group: str | None
    value: str | None
    notes: tuple[str, ...]


def choose_columns(cells: Cells, params: TableDataset, found: Found) -> Columns:
    """Take the columns that the parameters name, and detect those that they leave open.

    Raises:
        DatasetError: a named column is not there, or nobody can tell where the paths or the labels are.
    """
    notes: list[str] = []
    for name in (params.path_column, params.split_column, params.group_column):
        if name not in (None, "auto"):
            require_column(cells, str(name))
    path = path_column(cells, params, found) if params.path_column == "auto" else params.path_column
    split = split_column(cells, path) if params.split_column == "auto" else params.split_column
    rest = [name for name in cells.head if name not in (path, split, params.group_column)]
    value = value_column(cells, params, rest)
    labels, one_hot = choose_labels(cells, params, [name for name in rest if name != value], notes)
    if params.path_column == "auto":
        notes.insert(0, f"paths in column {path}")
    return Columns(path, labels, one_hot, split, params.group_column, value if labels else None, tuple(notes))


def path_column(cells: Cells, params: TableDataset, found: Found) -> str:
    """The column that holds paths, by its name and by what is in it.

    Raises:
        DatasetError: nobody can tell.
    """
    named = by_names(cells.head, PATHS)
    ordered = [*named, *(name for name in cells.head if name not in named)]
    looking = [
        name
        for name in ordered
        if any(isinstance(cell, str) and looks_like_a_picture(cell) for cell in cells.read(name)[:20])
    ]
    # Names of pictures before bare numbers: those of rows may be names of pictures by chance.
    for name in [*looking, *(name for name in ordered if name not in looking)]:
        column = [str(cell) for cell in cells.read(name)[:1000] if isinstance(cell, str | int)]
        if column and (found.any_of(column) or (name in looking and found.any_elsewhere(column))):
            return name
    for choices in (looking, named):
        if choices:
            return choices[0]
    if cells.pictures:
        require_column(cells, cells.pictures[0])
    raise DatasetError(
        f"{cells.source}: no cell of columns {some(cells.head)} is a picture below "
        f"{params.images or 'the root'}; say which column holds the paths: dataset.path_column"
    )


def split_column(cells: Cells, path: str) -> str | None:
    """The column that tells splits, by its name and by what is in it; None where none does, or several."""
    for name in by_names(cells.head, SPLITS):
        if name != path and means_splits(cells.read(name), name):
            return name
    # By what is in it: a split that is passed over is lost without a word.
    found = [name for name in cells.head if name != path and names_splits(cells.read(name))]
    return found[0] if len(found) == 1 else None

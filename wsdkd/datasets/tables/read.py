"""A table of one's own: a file with a path and labels a row.

Paths are relative to the root, or to a folder below it; an image's id is its path. Labels stand in one
column, as names with something between them or as a list, or in a column each with 1 and 0.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wsdkd.datasets.labels.class_lists import are_numbers, class_list_beside
from wsdkd.datasets.labels.joined import Told, reading_of
from wsdkd.datasets.labels.words import Labels, shown
from wsdkd.datasets.params import TableDataset
from wsdkd.datasets.reading.records import Reading
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.reading.words import Place, SplitsByPath, listed_splits, read_splits
from wsdkd.datasets.tables.cells import Cells, read_cells
from wsdkd.datasets.tables.columns import Columns, choose_columns
from wsdkd.datasets.tables.found import Found
from wsdkd.datasets.tables.label_columns import read_labels, some, with_one_of_numbered
from wsdkd.datasets.tables.split_tables import read_split_table, split_tables_beside
from wsdkd.datasets.tables.values import with_values
from wsdkd.ground.words import counted

EMPTY = "split '' is not train, val or test"


def read_table(root: Path, params: TableDataset) -> Reading:
    """Read the table that the parameters name.

    Raises:
        DatasetError: the file is missing, is no table, lacks a column, holds words that nobody can tell, or
            has no label at all.
    """
    cells = with_one_of_numbered(read_cells(root, params), params)
    found = Found(root, params.images, params.links)
    columns = choose_columns(cells, params, found)
    told = [*cells.notes, *columns.notes]
    labels, order = read_labels(cells, columns.labels, columns.one_hot, params, told)
    if columns.value is not None:
        labels = with_values(labels, cells, columns.value, params, told)
    if columns.labels is not None and not order and params.classes is None and are_numbers(labels):
        labels, order = _by_name(labels, root, params, told)
    paths, odd = _paths(cells.read(columns.path), found, told)
    told_apart = _told_apart(root, params, columns, found, told)
    splits = (
        _by_column(cells, columns, params, odd, told)
        if told_apart is None
        else _by_path(told_apart, paths, cells.source)
    )
    groups = [None] * len(cells.rows) if columns.group is None else cells.read(columns.group)
    for place, reason in odd.items():
        labels[place] = reason
    rows = (
        Told(path, path, split, names, row, group)
        for path, split, names, row, group in zip(paths, splits, labels, cells.rows, groups, strict=True)
    )
    notes = [f"{cells.source}: {counted(len(cells.rows), 'row')}; {'; '.join(told)}"]
    left = found.in_no_row(paths, params.unlabelled_images)
    if left:
        what = f"{counted(len(left), 'picture')} in no row, and left out: {some(left)}"
        notes.append(f"{cells.source}: {what} (one with none of the classes has a row with an empty label)")
    return reading_of(rows, params, source=cells.source, order=order, rejected=cells.rejected, notes=notes)


def _by_name(
    labels: list[Labels | str], root: Path, params: TableDataset, told: list[str]
) -> tuple[list[Labels | str], tuple[str, ...]]:
    # Where a file beside the table names the classes whose numbers the labels are.
    table = root / params.file
    names = class_list_beside(list(dict.fromkeys((root, root / params.images, table.parent))), (table,))
    if names is None:
        return labels, ()
    found = [names.named(each) for each in labels]
    odd = next(
        (new for new, old in zip(found, labels, strict=True) if isinstance(new, str) and new != old), None
    )
    if odd is not None:
        told.append(f"labels stay numbers: {odd}")
        return labels, ()
    told.append(f"numbers are those of {names.path.name}: {min(names.names)} is {names.order[0]!r}")
    return found, names.order


def _paths(cells: Sequence[Any], found: Found, told: list[str]) -> tuple[list[str], dict[int, str]]:
    # Of each row, and the reason why there is none, by the row's place.
    odd: dict[int, str] = {}
    names: list[str] = []
    for place, cell in enumerate(cells):
        if isinstance(cell, int) and not isinstance(cell, bool):
            cell = str(cell)
        if not isinstance(cell, str) or not cell.strip():
            odd[place] = f"path {shown(cell)} is not a path"
            continue
        names.append(cell)
    paths, note = found.paths(names)
    if note is not None:
        told.append(note)
    for place in sorted(odd):
        paths.insert(place, "")
    return paths, odd


def _told_apart(
    root: Path, params: TableDataset, columns: Columns, found: Found, told: list[str]
) -> SplitsByPath | None:
    # By lists of files or by a table of splits, where either is named or the table itself tells none.
    listed = listed_splits(root, params)
    file = params.split_file
    if file == "auto":
        looked_for = listed is None and columns.split is None and params.split_column == "auto"
        beside = split_tables_beside(root, params.file) if looked_for else []
        file = beside[0] if len(beside) == 1 else None
        if len(beside) > 1:
            told.append(f"none of {some(beside)} tells splits, as each could; dataset.split_file names one")
    if listed is not None and file is not None:
        raise DatasetError(f"{root / file}: lists of files tell splits, too; name either, not both")
    if file is None:
        return listed
    table = read_split_table(root, file, params, found)
    told.append(table.note)
    return table.splits


def _by_path(splits: SplitsByPath, paths: Sequence[str], source: str) -> list[Place | None]:
    listed = [splits.of(path) for path in paths]
    if not any(listed):
        raise DatasetError(
            f"{source}: none of its pictures stands in the files that tell splits, such as {paths[:1]}"
        )
    return [split or "unused" for split in listed]


def _by_column(
    cells: Cells, columns: Columns, params: TableDataset, odd: dict[int, str], told: list[str]
) -> Sequence[Place | None]:
    # Of each row; None: nobody tells. An empty cell where others have a word is odd.
    if columns.split is None:
        return [None] * len(cells.rows)
    places, note = read_splits(cells.read(columns.split), columns.split, params.split_names, cells.source)
    told.append(note)
    for place, split in enumerate(places):
        if split is None:
            odd.setdefault(place, EMPTY)
    return places

"""Corrections of a dataset's labels by people: a CSV file with a row for each label that was looked at.

``wsdkd labels`` shows the labels in doubt and writes such a file; ``dataset.corrections`` names it. The
dataset itself stays as it is. A row that was accepted sets one class in one image. A row that was refused
changes nothing: it stays in the file so that nobody is asked again.
"""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal, get_args

from wsdkd.data.tables import UNLABELLED, ImageRow, image_columns
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file
from wsdkd.ground.reading import read_text
from wsdkd.ground.words import counted

State = Literal["present", "absent", "uncertain"]
"""What a class is in an image; one that is uncertain enters neither a loss nor a metric."""
Decision = Literal["accepted", "refused"]
STATES: tuple[State, ...] = get_args(State)
DECISIONS: tuple[Decision, ...] = get_args(Decision)


@dataclass(frozen=True)
class Correction:
    """What a person says of one label.

    Attributes:
        image: the id of the image.
        name: of the class; the column is called ``class``.
        label: what the class was in the image when the person looked.
        proposed: what it should be.
        decision: whether the person agrees with the proposal.
    """

    image: str
    name: str
    label: State
    proposed: State
    decision: Decision


COLUMNS = tuple("class" if field.name == "name" else field.name for field in fields(Correction))


def read_corrections(
    path: Path, images: Collection[str] | None = None, classes: Collection[str] | None = None
) -> list[Correction]:
    """Read a file of corrections; of several rows about one label that agree, the first.

    Args:
        path: of the file.
        images: ids that it may name; any, where they are not given.
        classes: names that it may name.

    Raises:
        UserError: it is no such file; names the file, the row (the head is row 1), the column, and what is
            right.
    """
    known = {"image": images, "class": classes}
    text = read_text(path, "wsdkd labels makes such files").removeprefix("\ufeff")
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: dict[tuple[str, str], Correction] = {}
    try:
        head = next(rows, [])
        if tuple(head) != COLUMNS:
            raise UserError(
                f"{path}: row 1: expected the columns {','.join(COLUMNS)}, found {','.join(head)!r}"
            )
        for number, cells in enumerate(rows, 2):
            if not cells:
                continue
            correction = _correction(f"{path}: row {number}", cells, known)
            before = found.setdefault((correction.image, correction.name), correction)
            if (before.proposed, before.decision) != (correction.proposed, correction.decision):
                raise UserError(
                    f"{path}: row {number}: decision: class {correction.name!r} of image {correction.image} "
                    f"is {correction.proposed} ({correction.decision}) here and {before.proposed} "
                    f"({before.decision}) in a row before; leave one of the two rows"
                )
    except csv.Error as error:
        raise UserError(f"{path}: row {rows.line_num}: not CSV: {error}") from None
    return list(found.values())


def _correction(place: str, cells: Sequence[str], known: dict[str, Collection[str] | None]) -> Correction:
    if len(cells) != len(COLUMNS):
        raise UserError(f"{place}: expected {len(COLUMNS)} cells ({','.join(COLUMNS)}), found {len(cells)}")
    allowed: dict[str, tuple[str, ...]] = {"label": STATES, "proposed": STATES, "decision": DECISIONS}
    for column, cell in zip(COLUMNS, cells, strict=True):
        if not cell:
            raise UserError(f"{place}: {column}: this cell is empty")
        if cell not in allowed.get(column, (cell,)):
            raise UserError(f"{place}: {column}: expected {' or '.join(allowed[column])}, found {cell!r}")
        among = known.get(column)
        if among is not None and cell not in among:
            raise UserError(f"{place}: {column}: the dataset has no {column} {cell!r}; take the row out")
    return Correction(*cells)  # type: ignore[arg-type]


def write_corrections(path: Path, corrections: Iterable[Correction]) -> None:
    """Write corrections, sorted by image and class; equal ones give equal bytes."""
    with publish_file(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for each in sorted(corrections, key=lambda each: (each.image, each.name)):
            writer.writerow((each.image, each.name, each.label, each.proposed, each.decision))


@dataclass(frozen=True)
class Corrected:
    """Images with their labels corrected.

    Attributes:
        images: all of them, in their order.
        removed: image id and class, as a place, of labels that are present no longer; their boxes are void.
        said: a sentence on what was changed.
    """

    images: Sequence[ImageRow]
    removed: set[tuple[str, int]]
    said: str


def corrected(
    images: Sequence[ImageRow], classes: Sequence[str], known: Collection[str], source: Path
) -> Corrected:
    """Apply a file of corrections.

    Args:
        images: that are used.
        classes: names, in order.
        known: ids of all images that the dataset lists; a correction of one that is not used, or of split
            unlabelled, where nothing is known, is passed over.
        source: the file.

    Raises:
        UserError: the file is refused, or names an image or a class that the dataset lacks.
    """
    places = {name: place for place, name in enumerate(classes)}
    hidden = {row.image_id for row in images if row.split == UNLABELLED}
    wanted: dict[str, dict[int, State]] = {}
    refused = 0
    for each in read_corrections(source, known, places):
        if each.decision == "refused":
            refused += 1
        elif each.image not in hidden:
            wanted.setdefault(each.image, {})[places[each.name]] = each.proposed
    changed: list[tuple[ImageRow, ImageRow]] = []

    def rows() -> Iterator[ImageRow]:
        for old in images:
            asked = old.image_id in wanted and old.split != UNLABELLED
            new = _with(old, wanted[old.image_id]) if asked else old
            if new is not old:
                changed.append((old, new))
            yield new

    after = image_columns(rows())
    removed = {(old.image_id, label) for old, new in changed for label in {*old.labels} - {*new.labels}}
    added = sum(len({*new.labels} - {*old.labels}) for old, new in changed)
    unsure = sum(len({*new.ignored} - {*old.ignored}) for old, new in changed)
    said = (
        f"{source}: {counted(added, 'label')} added, {len(removed)} taken away, {unsure} made uncertain, in "
        f"{counted(len(changed), 'image')}; {counted(refused, 'proposal')} refused"
    )
    return Corrected(after, removed, said)


def _with(row: ImageRow, states: dict[int, State]) -> ImageRow:
    labels, ignored = (
        tuple(sorted({label for label in before if label not in states} | _in(state, states)))
        for before, state in ((row.labels, "present"), (row.ignored, "uncertain"))
    )
    same = (labels, ignored) == (row.labels, row.ignored)
    return row if same else replace(row, labels=labels, ignored=ignored)


def _in(state: str, states: dict[int, State]) -> set[int]:
    return {label for label, found in states.items() if found == state}

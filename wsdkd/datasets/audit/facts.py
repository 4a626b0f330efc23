"""What is to be known of a prepared dataset, as ``data/prepared/audit.json`` keeps it.

Everything is counted over all images; of examples there are few, so that the file stays small however large
the dataset is. Equal datasets give equal bytes, whatever folder they lie in. Who shows these facts needs no
reader of datasets: :mod:`wsdkd.datasets.audit.count` finds them.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from wsdkd.data.parquet import WRITTEN_BY
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file
from wsdkd.ground.reading import read_json


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

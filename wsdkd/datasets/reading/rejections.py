"""``rejected.csv``: what of a dataset cannot be used or is in doubt, why, and what to do about it."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Literal

from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file


class Cause(Enum):
    """What is wrong or in doubt, in the words of the summary, and what to do about it.

    Column ``cause`` of ``rejected.csv`` holds the name in small letters.
    """

    # images that cannot be used
    MISSING = "the file is missing", "put it where the annotations say, or correct the path"
    OUTSIDE = "the path leads out of the dataset", "correct the path"
    LINKED = "a symbolic link leads out of the dataset", "dataset.links: anywhere follows it"
    LINKED_FOLDER = "a folder is a link out of the dataset", "put links to its files there: cp -rs"
    DAMAGED = "the file is no picture, or a damaged one", "get it anew"
    UNDECODED = "a type of picture that is not read", "save it as JPEG"
    TOO_LARGE = "the picture is too large", "raise dataset.max_pixels, or make it smaller"
    ANNOTATION = "the annotation does not tell what is in the image", "correct it"
    UNANNOTATED = "no annotation", "annotate it, or say what that means: dataset.unannotated: empty"
    NOT_A_CLASS = "a label that is not a class", "correct the label, or add it to the classes"
    TWO_SPLITS = "the same file is listed in two splits", "leave it in one of them"
    OTHER_SIZE = "not the size that was annotated", "see dataset.other_size, or get the right picture"
    # objects whose image keeps its labels
    NO_BOX = "no box of four numbers", "draw it again; training needs labels alone"
    EMPTY_BOX = "a box without an area inside of its image", "draw it again; training needs labels alone"
    NO_IMAGE = "annotations of no image", "list the image, or take the annotations out"
    # what stays as it is
    ELSEWHERE = "the file was found elsewhere in the dataset", "look whether it is the right one"
    NEARLY_THE_SIZE = "a pixel or two off the annotated size", "none needed: boxes stay as they are"
    FRAME = "boxes fit the other frame of a turned photograph", "see dataset.boxes_drawn_on"
    FLAT = "nearly one colour", "look at the picture"
    SAME_PICTURE = "the same bytes in two splits", "dataset.leaks: drop or refuse"
    LOOKS_THE_SAME = "looks like a picture in another split", "look; dataset.near_leaks: drop or refuse"
    GROUP = "a group in several splits", "what belongs together should stand in one"
    OTHER_LABELS = "the same bytes with other labels", "correct one of the two"
    UNKNOWN_WORD = "a word that is not read", "correct it; it counts as not said"

    def __init__(self, words: str, fix: str):
        self.words = words
        self.fix = fix


@dataclass(frozen=True, order=True)
class Rejection:
    """An image that cannot be used, an object whose image stays, or a warning about what stays as it is.

    The image id or the path is empty where the annotations do not tell it.
    """

    kind: Literal["image", "object", "warning"]
    image_id: str
    path: str
    reason: str
    cause: Cause = field(default=Cause.ANNOTATION, compare=False)


class DatasetError(UserError):
    """A dataset cannot be read at all; the message names the file, the place in it and what to do.

    Attributes:
        rejected: what had been found in it till then, to be listed all the same.
    """

    def __init__(self, message: str, rejected: Sequence[Rejection] = ()):
        super().__init__(message)
        self.rejected = tuple(rejected)


def write_rejected(path: Path, rejected: Sequence[Rejection]) -> None:
    """Write the rejections, sorted, a row each below a head; the same rejections give the same bytes."""
    with (
        publish_file(path) as aside,
        aside.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(column.name for column in fields(Rejection))
        for item in sorted(rejected):
            writer.writerow((item.kind, item.image_id, item.path, item.reason, item.cause.name.lower()))

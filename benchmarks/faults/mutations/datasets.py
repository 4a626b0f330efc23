"""Datasets of every form, read as the stage ``prepare`` reads them."""

import csv
import re
from collections.abc import Callable
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from benchmarks.faults.mutations.as_written import READINGS, counted
from benchmarks.faults.mutations.pictures import sizes, write_pictures
from benchmarks.faults.mutations.subject import Outcome, Subject, outcome
from tests.datasets.small_datasets import SMALL
from tests.datasets.written_forms import FORMS, write
from wsdkd.data.annotations import read_objects
from wsdkd.data.tables import ImageRow, read_classes, read_images
from wsdkd.datasets.on_disk import write_prepared
from wsdkd.datasets.params import DatasetParams, ScenesDataset
from wsdkd.datasets.scenes.write_coco import write_scenes

MOST_REJECTED = 10_000
PICTURES = {".jpg", ".png", ".tif", ".webp", ".bmp", ".gif", ".ppm"}
COUNTS = re.compile(r"\d+ images \(")
"""Begins the first line of the summary."""
WITHIN = ("Hugging Face", "WebDataset")
"""Forms whose pictures have no path of their own."""


def prepared(root: Path, out: Path, keys: dict[str, Any], told: Callable[[Any, list[str]], Any]) -> Outcome:
    """Prepare a dataset, and read the tables that were written.

    Args:
        root: of the dataset.
        out: takes the tables.
        keys: of section ``dataset``, without ``root``.
        told: given the rows and the classes, what can be compared with an independent reading.
    """
    params: DatasetParams = TypeAdapter(DatasetParams).validate_python(
        {"root": str(root), "max_rejected": MOST_REJECTED, **keys}
    )
    said: list[str] = []
    made = write_prepared(root, params, out, said.append)
    rows, classes = read_images(out / "images.parquet"), read_classes(out / "classes.json")
    with (out / "rejected.csv").open(newline="", encoding="utf-8") as file:
        listed = tuple(" ".join(line) for line in list(csv.reader(file))[1:])
    # What was detected and what is in doubt is told before the counts; counts of it are no news.
    notes = takewhile(lambda line: not COUNTS.match(line), said)
    listed += tuple(re.sub(r"\d+", "N", line.replace(str(root), "")) for line in notes)
    objects = list(read_objects(out / "objects.parquet"))
    return outcome((made.classes, list(rows), objects), listed, told(rows, classes))


def _labels(rows: list[ImageRow], classes: list[str]) -> dict[str, tuple[str, ...]]:
    return {row.path: tuple(sorted(classes[label] for label in row.labels)) for row in rows}


def _counted(rows: list[ImageRow], classes: list[str]) -> dict[str, tuple[str, ...]]:
    return counted(_labels(rows, classes)[row.path] for row in rows)


def _sizes(rows: list[ImageRow], _: list[str]) -> dict[str, tuple[int, int]]:
    return {row.path: (row.width, row.height) for row in rows}


def _no_picture(path: Path) -> bool:
    return path.suffix not in PICTURES


def subjects(scenes: Path) -> list[Subject]:
    """A subject a form of dataset, and one of pictures of all encodings.

    Args:
        scenes: an empty folder, for the scenes that some forms are made from.
    """
    params = ScenesDataset(format="scenes", root="s", train_images=6, val_images=3, test_images=3, side=32)
    write_scenes(scenes, params)
    pictures = Subject(
        "pictures",
        write_pictures,
        partial(prepared, keys={"format": "table"}, told=_sizes),
        sizes,
        lambda path: not _no_picture(path),
    )
    made = [pictures]
    for writer in SMALL.values():
        keys = {"format": writer.__name__.partition("_")[0], "validation_fraction": 0.3}
        name, read = writer.__name__, partial(prepared, keys=keys, told=_labels)
        made.append(Subject(name, writer, read, READINGS[name], _no_picture))
    for name, (keys, _) in FORMS.items():
        read = partial(prepared, keys=keys, told=_counted if name in WITHIN else _labels)
        made.append(Subject(name, partial(_write, name, scenes), read, READINGS[name], _no_picture))
    return made


def _write(form: str, scenes: Path, folder: Path) -> None:
    folder.rmdir()
    write(form, scenes, folder)

"""Raw results: a row a cell, kept as a small CSV file from which every table and figure is made."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ablation.measure import Parts, figures, find_parts
from benchmarks.ablation.plan import HOMES
from benchmarks.ablation.variants import BASELINE, TEACHER
from wsdkd.average_precision import average_precisions
from wsdkd.data.annotations import read_objects
from wsdkd.data.tables import Split, read_classes, read_images, targets
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.evaluation.truth import Truth, gather_objects
from wsdkd.ground.errors import UserError
from wsdkd.settings.sections import PARAMS_FILE, parse_section, read_params

FIGURES = (
    "mAP", "CF1", "OF1", "top_CF1", "top_OF1", "small", "large", "rare", "frequent",
    "gap_recovered", "AP50", "CorLoc", "seconds", "multiply_adds",
)  # fmt: skip
COLUMNS = ("variant", "seed", *FIGURES)

Row = dict[str, Any]
"""``variant``, ``seed`` and the figures; a figure that a cell has not is missing."""


@dataclass(frozen=True)
class Judge:
    """What the cells of a suite are held against, on one split."""

    classes: list[str]
    train_images: np.ndarray
    truth: Truth
    parts: Parts
    params: EvaluationParams
    split: Split


def judge(home: Path, split: Split) -> Judge:
    """Read the tables of a suite's folder."""
    prepared = home / "data/prepared"
    classes, rows = read_classes(prepared / "classes.json"), read_images(prepared / "images.parquet", split)
    params = read_params(home / PARAMS_FILE)
    counts = targets(read_images(prepared / "images.parquet", "train"), len(classes))[0].sum(axis=0)
    objects = gather_objects(read_objects(prepared / "objects.parquet"), [row.image_id for row in rows])
    parts = find_parts(objects, [row.width * row.height for row in rows], counts, len(classes))
    evaluation = parse_section(params, "evaluation", EvaluationParams)
    return Judge(classes, counts, Truth(*targets(rows, len(classes))), parts, evaluation, split)


def collect(home: Path, cells: Iterable[tuple[str, int]], by: Judge) -> list[Row]:
    """The figures of finished cells.

    Raises:
        UserError: a cell is not there.
    """
    rows: list[Row] = []
    for name, seed in cells:
        content = json.loads((_folder(home, name, seed) / "cell.json").read_text(encoding="utf-8"))
        values: Row = figures(_scores(home, name, seed, by.split), by.truth, by.parts, by.params)
        if by.split == "test":
            values |= {key: content[key] for key in ("AP50", "CorLoc") if key in content}
        values["seconds"] = sum(content["seconds"].values())
        if "multiply_adds" in content:
            values["multiply_adds"] = content["multiply_adds"]
        rows.append({"variant": name, "seed": seed, **values})
    maps = {(row["variant"], row["seed"]): row["mAP"] for row in rows}
    for row in rows:
        plain, teacher = maps.get((BASELINE, row["seed"])), maps.get((TEACHER, row["seed"]))
        if row["variant"] in (BASELINE, TEACHER) or plain is None or teacher is None:
            continue
        if teacher > plain:  # else there is no gap to recover
            row["gap_recovered"] = (row["mAP"] - plain) / (teacher - plain)
    return rows


def class_precisions(home: Path, name: str, seeds: Sequence[int], by: Judge) -> np.ndarray:
    """AP of each class, (seeds, K), in percent."""
    scores = (_scores(home, name, seed, by.split) for seed in seeds)
    return np.stack([average_precisions(each, by.truth.labels, by.truth.known) for each in scores])


def _folder(home: Path, name: str, seed: int) -> Path:
    folder = home / "cells" / f"{name}-{seed}"
    if not folder.is_dir():
        raise UserError(f"{folder}: this cell is missing; run the suite again, it goes on where it stopped")
    return folder


def _scores(home: Path, name: str, seed: int, split: Split) -> np.ndarray:
    scores: np.ndarray = np.load(_folder(home, name, seed) / f"{split}.npy", allow_pickle=False)
    return scores


def to_csv(rows: Sequence[Row]) -> str:
    """Rows as CSV, figures at four decimals."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(_cell(row.get(column)) for column in COLUMNS)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.4f}"
    return "" if value is None else value


def from_csv(text: str) -> list[Row]:
    """Rows of a CSV file that :func:`to_csv` wrote."""
    rows: list[Row] = []
    for line in csv.DictReader(io.StringIO(text)):
        values = {name: float(line[name]) for name in FIGURES if line.get(name)}  # some were added later
        rows.append({"variant": line["variant"], "seed": int(line["seed"]), **values})
    return rows


def home_of(name: str) -> Path:
    """Folder of a suite."""
    return HOMES / name

"""From what an evaluation found to what the template report.html shows."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from markupsafe import Markup

from wsdkd.data.tables import ImageRow
from wsdkd.datasets.audit.facts import Facts
from wsdkd.datasets.audit.summary import class_doubts, picture_doubts, totals
from wsdkd.evaluation.files import ClassRow, Curves
from wsdkd.evaluation.page.charts import precision_recall_chart, reliability_chart, training_charts
from wsdkd.evaluation.page.courses import courses
from wsdkd.evaluation.page.mistakes import (
    Chosen,
    choose_images,
    given_in_place,
    most_frequent_pairs,
    reliability,
)
from wsdkd.evaluation.page.pictures import Gallery, heat_uris, images_of_a_kind, thumbnails_of
from wsdkd.evaluation.page.shown import COST_WIDTH
from wsdkd.evaluation.params import NETWORKS
from wsdkd.evaluation.truth import Truth
from wsdkd.pages.page import write_page
from wsdkd.pages.svg import bar, signed_bar
from wsdkd.pages.thumbnails import Thumbnail
from wsdkd.student.network import LoadedStudent

PAIRS, MATRIX = 25, 16
"""Pairs of a missed and a wrong label that are listed, and classes in the table of both."""
KINDS = {
    "hits": ("Best hits", "has the class, and the student gives it at its highest scores"),
    "misses": ("Worst misses", "has the class, and the student gives it the lowest scores"),
    "mistakes": (
        "Confident mistakes",
        "does not have the class, and the student gives it",
    ),
}


@dataclass(frozen=True)
class Evidence:
    """What the networks said of the N test images that count.

    Attributes:
        names: of the K classes.
        rows: of the images.
        root: folder that their paths are relative to.
        truth: of the images.
        scores: (N, K) of each network.
        given: bool (N, K) of each network, the labels that it gives.
        thresholds: (K,), above which the student gives a class.
        region: the teacher's best region (x1, y1, x2, y2), in pixels, of an image and a class by places.
        students: baseline and student, by name.
        cells: of each of them what each cell of an image says of a class, (N, K, h, w), where it is known.
    """

    names: Sequence[str]
    rows: Sequence[ImageRow]
    root: Path
    truth: Truth
    scores: Mapping[str, np.ndarray]
    given: Mapping[str, np.ndarray]
    thresholds: np.ndarray
    region: Callable[[int, int], np.ndarray]
    students: Mapping[str, LoadedStudent]
    cells: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Figures:
    """What is reported as numbers.

    Attributes:
        accuracy: as reports/accuracy.json holds it.
        cost: parameters and multiply-adds of teacher and student; speeds in it are not shown.
        classes: a row a class.
        precision_recall: ``recall`` and the mean precision of each network there, fractions (T,).
        training: curves of each run.
        audit: what is known of the whole dataset.
        parameters: by section of the parameter file.
        software: versions of packages that the teacher's cache was computed with.
    """

    accuracy: Mapping[str, Any]
    cost: Mapping[str, Any]
    classes: Sequence[ClassRow]
    precision_recall: Mapping[str, np.ndarray]
    training: Mapping[str, Curves]
    audit: Facts
    parameters: Mapping[str, Mapping[str, Any]]
    software: Mapping[str, str]


@dataclass(frozen=True)
class Sight:
    """An image as a class shows it.

    Attributes:
        place: of the image.
        thumbnail: of it.
        heat: of baseline and student, data URIs.
        box: the teacher's best region (x, y, width, height) in pixels of the thumbnail.
        scores: of each network for the class.
        labels: names of the classes that the image has.
        path: of its file.
    """

    place: int
    thumbnail: Thumbnail
    heat: Mapping[str, str]
    box: tuple[float, float, float, float]
    scores: Mapping[str, float]
    labels: Sequence[str]
    path: str


def report_content(figures: Figures, evidence: Evidence, device: torch.device) -> dict[str, Any]:
    """All that the template names.

    Args:
        figures: what is reported.
        evidence: what it was computed from.
        device: where heat maps are computed.

    Raises:
        UserError: a photograph is gone or damaged since it was prepared.
    """
    present, known = evidence.truth.labels > 0, evidence.truth.known
    trained = courses(figures.training)
    gallery, sights = _sights(evidence, present, known, device)
    reach = max((abs(row.gain) for row in figures.classes if row.gain is not None), default=1.0)
    return {
        "accuracy": figures.accuracy,
        "networks": [_network(name, figures) for name in NETWORKS],
        "classes": [_class(row, evidence, present, known, sights, reach) for row in figures.classes],
        "kinds": KINDS,
        "thumbnails": sorted(gallery.thumbnails.items()),
        "precision_recall": precision_recall_chart(
            figures.precision_recall["recall"], figures.precision_recall
        ),
        "reliability": reliability_chart(
            {name: reliability(evidence.scores[name], present, known) for name in NETWORKS}
        ),
        "confusion": _confusion(evidence, present, known),
        "courses": trained,
        "training": training_charts(trained) if trained else [],
        "audit": _audit(figures.audit),
        "parameters": {
            name: json.dumps(each, indent=2, ensure_ascii=False) for name, each in figures.parameters.items()
        },
        "software": figures.software,
    }


def write_report_page(path: Path, content: Mapping[str, Any]) -> None:
    """Write the page; equal content gives equal bytes."""
    write_page(path, "wsdkd.evaluation.page", "report.html", content)


def _network(name: str, figures: Figures) -> dict[str, Any]:
    most = max(figures.cost[each]["multiply_adds"] for each in ("teacher", "student"))
    row, interval = figures.accuracy[name], figures.accuracy["mAP_intervals"][name]
    # The baseline is the student's network, trained without a teacher.
    cost = figures.cost["teacher" if name == "teacher" else "student"]
    return {
        "name": name,
        "figures": row,
        "interval": interval,
        "bar": bar(row["mAP"], interval, 100.0, f"var(--{name})"),
        "parameters": cost["parameters"],
        "multiply_adds": cost["multiply_adds"],
        "cost_bar": bar(cost["multiply_adds"], None, most, f"var(--{name})", width=COST_WIDTH),
    }


def _class(
    row: ClassRow,
    evidence: Evidence,
    present: np.ndarray,
    known: np.ndarray,
    sights: Mapping[int, Mapping[str, Sequence[Sight]]],
    reach: float,
) -> dict[str, Any]:
    place = list(evidence.names).index(row.name)
    given, there = evidence.given["student"][:, place] & known[:, place], present[:, place] & known[:, place]
    right = int((given & there).sum())
    return {
        "place": place,
        "row": row,
        "gain_bar": Markup() if row.gain is None else signed_bar(row.gain, reach),
        "threshold": float(evidence.thresholds[place]),
        "precision": 100 * right / int(given.sum()) if given.any() else None,
        "recall": 100 * right / int(there.sum()) if there.any() else None,
        "sights": sights.get(place, {}),
    }


def _sights(
    evidence: Evidence, present: np.ndarray, known: np.ndarray, device: torch.device
) -> tuple[Gallery, dict[int, dict[str, list[Sight]]]]:
    """Of each class that there is room for, its images by kind."""
    most = images_of_a_kind(len(evidence.names))
    scores, given = evidence.scores["student"], evidence.given["student"]
    choices: dict[int, Chosen] = {}
    for label in range(len(evidence.names)) if most else ():
        columns = (scores[:, label], given[:, label], present[:, label], known[:, label])
        choices[label] = choose_images(*columns, most)
    places = list(dict.fromkeys(place for found in choices.values() for place in found.all()))
    gallery = Gallery(evidence.rows, evidence.root, thumbnails_of(evidence.rows, evidence.root, places))
    chosen: dict[int, Chosen] = {}
    wanted: dict[int, list[int]] = {}
    for label, found in choices.items():
        if all(gallery.add(place) for place in found.all()):
            chosen[label] = found
            for place in found.all():
                wanted.setdefault(place, []).append(label)
    heats = {
        name: heat_uris(loaded, gallery, wanted, evidence.cells.get(name), device)
        for name, loaded in evidence.students.items()
    }

    def sight(place: int, label: int) -> Sight:
        made, row = gallery.thumbnails[place], evidence.rows[place]
        x1, y1, x2, y2 = (float(edge) * made.scale for edge in evidence.region(place, label))
        return Sight(
            place,
            made,
            {name: found[place, label] for name, found in heats.items()},
            (x1, y1, x2 - x1, y2 - y1),
            {name: float(evidence.scores[name][place, label]) for name in NETWORKS},
            [evidence.names[k] for k in row.labels],
            row.path,
        )

    return gallery, {
        label: {kind: [sight(place, label) for place in getattr(found, kind)] for kind in KINDS}
        for label, found in chosen.items()
    }


def _audit(facts: Facts) -> dict[str, Any]:
    """What the dataset's own audit found, in sentences."""
    return {
        "notes": facts.notes,
        "totals": list(totals(facts)),
        "warnings": [line.removeprefix("warning: ") for line in class_doubts(facts)],
        "pictures": list(picture_doubts(facts)),
        "never_without": facts.never_without,
        "doubts": facts.doubts,
    }


def _confusion(evidence: Evidence, present: np.ndarray, known: np.ndarray) -> dict[str, Any]:
    """Which label stands in place of which: the most frequent pairs, and the classes they are most of."""
    counts = {name: given_in_place(evidence.given[name], present, known) for name in ("baseline", "student")}
    table, names = counts["student"], evidence.names
    weight = table.sum(axis=0) + table.sum(axis=1)
    shown = sorted(np.argsort(-weight, kind="stable")[:MATRIX].tolist())
    shown = [label for label in shown if weight[label] > 0]
    part = table[np.ix_(shown, shown)]
    most = max(int(part.max(initial=0)), 1)
    return {
        "pairs": [
            {
                "missed": names[k],
                "given": names[j],
                "student": images,
                "baseline": int(counts["baseline"][k, j]),
            }
            for k, j, images in most_frequent_pairs(table, PAIRS)
        ],
        "names": [names[label] for label in shown],
        "rows": [
            (names[label], [(count, count / most) for count in line])
            for label, line in zip(shown, part.tolist(), strict=True)
        ],
    }

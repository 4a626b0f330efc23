"""The charts of the report."""

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from wsdkd.evaluation.page.courses import Course
from wsdkd.evaluation.params import NETWORKS
from wsdkd.pages.svg import Axis, Line, Note, line_chart

DASHES = {"baseline": "2 3", "teacher": "7 3", "student": ""}


def precision_recall_chart(recalls: np.ndarray, precisions: Mapping[str, np.ndarray]) -> Markup:
    """Precision, mean over classes, (T,) of each network, against recall (T,); fractions."""
    lines = [
        Line(
            name,
            list(zip(recalls.tolist(), precisions[name].tolist(), strict=True)),
            _colour(name),
            DASHES[name],
        )
        for name in NETWORKS
    ]
    return line_chart(
        "Precision against recall, mean over classes", lines, Axis("recall", 0, 1), Axis("precision", 0, 1)
    )


def reliability_chart(points: Mapping[str, Sequence[tuple[float, float, int]]]) -> Markup:
    """How often labels are there against their score, for each network; the diagonal is calibrated."""
    lines = [Line("", [(0, 0), (1, 1)], "var(--quiet)", width=1)]
    lines += [
        Line(name, [(score, share) for score, share, _ in points[name]], _colour(name), DASHES[name], True)
        for name in NETWORKS
    ]
    return line_chart(
        "How often a label is there, by its score", lines, Axis("score", 0, 1), Axis("share of labels", 0, 1)
    )


def training_charts(trained: Sequence[Course]) -> list[Markup]:
    """A chart a network, all on the same axes: loss by epoch on both splits, and where overfitting begins.

    One more has the validation mAP of all networks in which it was measured after every epoch.
    """
    epochs = max(len(each.train) for each in trained)
    highest = max(float(np.concatenate([each.train, each.val]).max()) for each in trained)
    across = Axis("epoch", 1, max(epochs, 2), whole=True)
    up = Axis("loss", 0, highest * 1.02 or 1.0)
    charts = [_training_chart(each, across, up) for each in trained]
    lines = [
        Line(each.name, _by_epoch(each.mean_precision), _colour(each.name), DASHES[each.name], True)
        for each in trained
        if len(each.mean_precision) == len(each.train)
    ]
    if lines:
        highest = max(value for line in lines for _, value in line.points)
        title, up = "Validation mAP", Axis("percent", 0, min(100.0, highest * 1.1 or 1.0))
        charts.append(line_chart(title, lines, across, up, size=(370, 280)))
    return charts


def _training_chart(course: Course, across: Axis, up: Axis) -> Markup:
    colour = _colour(course.name)
    lines = [Line("", [(end + 0.5, 0), (end + 0.5, up.high)], "var(--line)", "3 3") for end in course.stages]
    lines.append(Line("training", _by_epoch(course.train), colour, "4 3", width=1.6))
    notes = []
    if course.best is not None:
        lines.append(Line("validation", _by_epoch(course.val), colour, marks=True, width=2.4))
        text = f"overfits after epoch {course.best}" if course.overfits else "least"
        tone = "var(--bad)" if course.overfits else "var(--good)"
        notes.append(Note(text, course.best, float(course.val[course.best - 1]), tone))
    return line_chart(f"{course.name}: {course.loss}", lines, across, up, notes=notes, size=(370, 280))


def _by_epoch(values: np.ndarray) -> list[tuple[float, float]]:
    return [(epoch, value) for epoch, value in enumerate(values.tolist(), start=1)]


def _colour(network: str) -> str:
    return f"var(--{network})"

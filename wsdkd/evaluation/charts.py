"""Charts as PNG files: equal numbers give equal bytes with one release of matplotlib."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from wsdkd.ground.files import publish_file

COLOURS = {"baseline": "#8c8c8c", "teacher": "#d08c2c", "student": "#2c6fb0"}
GAIN, LOSS = "#2c6fb0", "#c44e52"
SPLITS = {"train": "#8c8c8c", "val": "#2c6fb0"}


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure without the date or the release that drew it."""
    with publish_file(path) as aside, aside.open("wb") as file:
        figure.savefig(file, format="png", dpi=120, metadata={"Software": None})


def as_written(name: str) -> str:
    """A class's name as matplotlib draws it letter by letter: between two $ it would read a formula."""
    return name.replace("$", r"\$")


def draw_precision_recall(recalls: np.ndarray, precisions: Mapping[str, np.ndarray]) -> Figure:
    """Mean precision (fractions, (T,) a network) against recall (T,)."""
    figure = Figure(figsize=(5.2, 4.2), layout="constrained")
    axes = figure.subplots()
    for name, precision in precisions.items():
        axes.plot(recalls, precision, label=name, color=COLOURS.get(name))
    axes.set(xlabel="recall", ylabel="precision, mean over classes", xlim=(0, 1), ylim=(0, 1.02))
    _tidy(axes)
    axes.legend(frameon=False)
    return figure


def draw_gains(classes: Sequence[str], gains: np.ndarray, title: str) -> Figure:
    """Gain in AP of each class, in percentage points, as bars in the order given.

    Args:
        classes: names, the most frequent in training first as in the authors' figures.
        gains: (K,); NaN for a class that could not be scored, which has no bar.
        title: above the chart.
    """
    figure = Figure(figsize=(max(5.2, 1.2 + 0.32 * len(classes)), 4.0), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(classes))
    heights = np.nan_to_num(gains)
    axes.bar(places, heights, color=[GAIN if height >= 0 else LOSS for height in heights])
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xticks(
        places,
        [as_written(name) for name in classes],
        rotation=60,
        ha="right",
        rotation_mode="anchor",
        fontsize=8,
    )
    axes.set(xlim=(-0.7, len(classes) - 0.3), ylabel="gain in AP (points)", title=title)
    axes.set_xlabel("class, most frequent in training first", fontsize=9)
    _tidy(axes)
    return figure


def draw_training(curves: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]]) -> Figure:
    """Training curves: a row of charts a network, a chart a quantity, a line a split.

    Args:
        curves: for each run (a row), for each quantity, steps (T,) and values (T,). Names such as
            ``train/loss`` and ``val/loss`` share the chart ``loss``.
    """
    charts = {
        run: sorted({name.rpartition("/")[2] for name in run_curves}) for run, run_curves in curves.items()
    }
    columns = max((len(names) for names in charts.values()), default=0) or 1
    size = (3.1 * columns + 0.3, 2.3 * max(len(charts), 1))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(max(len(charts), 1), columns, squeeze=False)
    for axes in grid.ravel():
        axes.set_axis_off()
    for row, (run, names) in zip(grid, charts.items(), strict=False):
        for axes, chart in zip(row, names, strict=False):
            axes.set_axis_on()
            axes.set_title(f"{run}: {chart}", fontsize=9)
            _draw_lines(axes, curves[run], chart)
    return figure


def _draw_lines(axes: Axes, lines: Mapping[str, tuple[np.ndarray, np.ndarray]], chart: str) -> None:
    for name, (steps, values) in lines.items():
        split, _, quantity = name.rpartition("/")
        if quantity == chart:
            marker = "o" if len(steps) == 1 else None
            axes.plot(steps, values, marker=marker, label=split or None, color=SPLITS.get(split, GAIN))
    axes.tick_params(labelsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _tidy(axes)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(frameon=False, fontsize=7)


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e5e5e5")
    axes.set_axisbelow(True)

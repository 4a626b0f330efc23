"""Charts as PNG files: equal numbers give equal bytes with one release of matplotlib."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wsdkd.ground.files import publish_file

GAIN, LOSS = "#2c6fb0", "#c44e52"


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure without the date or the release that drew it."""
    with publish_file(path) as aside, aside.open("wb") as file:
        figure.savefig(file, format="png", dpi=120, metadata={"Software": None})


def as_written(name: str) -> str:
    """A class's name as matplotlib draws it letter by letter: between two $ it would read a formula."""
    return name.replace("$", r"\$")


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


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e5e5e5")
    axes.set_axisbelow(True)

"""The charts of a suite."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks.ablation.results import Judge, Row, class_precisions
from benchmarks.ablation.statistics import summarise
from benchmarks.ablation.tables import by_variant, gains
from benchmarks.ablation.variants import ALL, BASELINE, OURS
from wsdkd.evaluation.charts import GAIN, LOSS, save_png
from wsdkd.evaluation.charts import draw_gains as draw_class_gains


def draw_gains(rows: Sequence[Row], path: Path) -> None:
    """Gain of each variant over the baseline, with its 95 % interval over seeds."""
    names = [name for name in by_variant(rows) if name != BASELINE and gains(rows, name)]
    figure = Figure(figsize=(7.5, 0.8 + 0.36 * max(1, len(names))), layout="constrained")
    axes = figure.subplots()
    for place, name in enumerate(reversed(names)):
        summary = summarise(gains(rows, name))
        error = None if np.isnan(summary.half_width) else summary.half_width
        colour = GAIN if summary.mean >= 0 else LOSS
        axes.barh(place, summary.mean, color=colour, alpha=1.0 if name == OURS else 0.55)
        axes.errorbar(summary.mean, place, xerr=error, color="black", capsize=3, linewidth=1)
    titles = [ALL[name].title.replace("*", "").replace("`", "") for name in reversed(names)]
    axes.set_yticks(range(len(names)), titles, fontsize=8)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel("gain over the baseline in mAP (points), 95 % interval over seeds", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    save_png(figure, path)


def draw_classes(home: Path, seeds: int, by: Judge, path: Path) -> None:
    """Gain of our recipe in AP of each class, the mean over seeds."""
    order = np.argsort(-by.train_images, kind="stable")
    each = [class_precisions(home, name, range(seeds), by).mean(axis=0) for name in (OURS, BASELINE)]
    gain = (each[0] - each[1])[order]
    title = f"Gain of distillation in AP, mean of {seeds} seeds: {np.nanmean(gain):+.1f} mAP"
    save_png(draw_class_gains([by.classes[k] for k in order], gain, title), path)

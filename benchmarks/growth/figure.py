"""Time and memory against size, both axes by powers of ten."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, StrMethodFormatter

from benchmarks.growth.plan import STAGES
from benchmarks.growth.results import Results, series
from wsdkd.evaluation.charts import save_png

AGAINST = {"images": "scenes", "proposals": "proposals an image"}
MEASURES = {"seconds": (1.0, "seconds"), "peak_bytes": (1e-6, "MB of the largest process")}


def draw(results: Results, path: Path) -> None:
    """Four charts: seconds above, memory below; against images on the left, proposals on the right."""
    figure = Figure(figsize=(9.5, 7.5), layout="constrained")
    charts = figure.subplots(2, 2, sharex="col", sharey="row")
    for row, measure in enumerate(MEASURES):
        for column, against in enumerate(AGAINST):
            _chart(charts[row, column], results, against, measure)
    figure.legend(*charts[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
    save_png(figure, path)


def _chart(axes: Axes, results: Results, against: str, measure: str) -> None:
    scale, label = MEASURES[measure]
    for stage, runs in series(results, against).items():
        counts, values = [run["count"] for run in runs], [scale * run[measure] for run in runs]
        axes.loglog(counts, values, "o-", markersize=3, label=stage, color=f"C{STAGES.index(stage)}")
    sizes = sorted({run["count"] for run in results["runs"] if run["against"] == against})
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=8)
    axes.minorticks_off()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_xlabel(AGAINST[against], fontsize=9)
    axes.set_ylabel(label, fontsize=9)
    axes.grid(alpha=0.3, linewidth=0.4)
    axes.spines[["top", "right"]].set_visible(False)

"""The results as a table for a terminal."""

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from wsdkd.evaluation.params import NETWORKS
from wsdkd.evaluation.thresholded import NAMES
from wsdkd.ground.words import counted


def results(metrics: Mapping[str, Any]) -> Group:
    """What an evaluation reported, to be printed by rich.

    Args:
        metrics: as ``reports/metrics.json`` holds it.

    Raises:
        KeyError: it is not the report of an evaluation.
    """
    parts: list[RenderableType] = [_classification(metrics), Text()]
    lines = [*_gain(metrics), *_regions(metrics), *_protocol(metrics)]
    parts += [Padding(Text(line), (0, 0, 0, 2), expand=False) for line in lines]
    return Group(*parts, Text(), _cost(metrics["cost"]))


def _classification(metrics: Mapping[str, Any]) -> Table:
    protocol, counts = metrics["protocol"], metrics["counts"]
    images, classes = counted(counts["test_images"], "test image"), counted(counts["classes"], "class")
    title = f"{images}, {classes}, percent"
    table = _table(title)
    table.add_column("labels", style="dim")
    table.add_column("network")
    for name in ("mAP", *NAMES):
        table.add_column(name, justify="right")
    table.columns[2].style = "bold"
    above, top = f"above {protocol['threshold']:g}", f"top {protocol['top_k']}"
    if protocol["top_k_rule"] == "above_threshold":
        top += f", {above}"
    groups: list[tuple[str, str, tuple[str, ...]]] = [
        (above, "", NETWORKS),
        (top, f"top{protocol['top_k']}_", NETWORKS),
    ]
    chosen = tuple(network for network in NETWORKS if "chosen_CF1" in metrics[network])
    groups += [("own thresholds", "chosen_", chosen)] if chosen else []
    for first, prefix, networks in groups:
        for network in networks:
            row = metrics[network]
            ranking = "" if prefix else f"{row['mAP']:.1f}"
            figures = [f"{row[prefix + name]:.1f}" for name in NAMES]
            label = first if network == networks[0] else ""
            table.add_row(label, network, ranking, *figures, end_section=network == networks[-1])
    return table


def _gain(metrics: Mapping[str, Any]) -> list[str]:
    low, high = metrics["gain_mAP_interval"]
    level = metrics["protocol"]["interval_level"]
    gain = (
        f"gain of distillation: {metrics['gain_mAP']:+.2f} points of mAP; "
        f"{level:.0%} interval over test images {low:+.2f} to {high:+.2f}"
    )
    if metrics["gap_recovered"] is None:
        return [gain, f"gap recovered: none, {metrics['gap_recovered_reason']}"]
    return [gain, f"gap recovered: {metrics['gap_recovered']:.2f} of the teacher's lead over the baseline"]


def _regions(metrics: Mapping[str, Any]) -> list[str]:
    teacher = metrics["teacher"]
    names = {"AP50": "AP50", "COCO_AP": "COCO AP", "CorLoc": "CorLoc"}
    found = [f"{name} {teacher[key]:.1f} %" for key, name in names.items() if key in teacher]
    recalls = [
        f"{value:.1f} % at IoU {key.removeprefix('recall_')}"
        for key, value in metrics.get("proposals", {}).items()
        if key.startswith("recall_")
    ]
    lines = [f"teacher's localisation: {', '.join(found)}"] if found else []
    lines += [f"recall of the proposals: {', '.join(recalls)}"] if recalls else []
    return lines + [f"{names}: absent, {reason}" for names, reason in metrics.get("absent", {}).items()]


def _protocol(metrics: Mapping[str, Any]) -> list[str]:
    protocol = metrics["protocol"]
    points = protocol.get("operating_points", {})
    lines = [
        f"thresholds of the {' and the '.join(names)}: {origin}"
        for origin in dict.fromkeys(point["thresholds"] for point in points.values())
        for names in [[name for name, point in points.items() if point["thresholds"] == origin]]
    ]
    lines += [_calibration(name, metrics[name]) for name in points if "NLL_calibrated" in metrics[name]]
    lines += [f"the baseline learned from {protocol['baseline']}"]
    lines += [f"protocol: AP {protocol['AP']}, test images without labels: {protocol['unlabelled']}"]
    unlabelled = metrics["counts"].get("unlabelled_images")
    if unlabelled:
        lines.append(f"the student also learned from {counted(unlabelled, 'image')} without labels")
    left_out = metrics["classes_without_positives"]
    if left_out:
        lines.append(f"left out of means over classes, no test image has them: {', '.join(left_out)}")
    return lines


def _calibration(name: str, figures: Mapping[str, Any]) -> str:
    loss = f"{figures['NLL']:.2f} -> {figures['NLL_calibrated']:.2f} nats an image"
    return (
        f"calibration of the {name}: NLL {loss}, "
        f"expected calibration error {figures['ECE']:.1f} -> {figures['ECE_calibrated']:.1f} %"
    )


def _cost(cost: Mapping[str, Any]) -> Group:
    # A title of the table itself is broken where the table ends, which is narrower than this one.
    title = f"cost on {cost['device']}, batches of {cost['batch_size']}, proposals not counted"
    table = _table(None)
    table.add_column("network")
    for name in ("parameters", "multiply-adds", "images/s"):
        table.add_column(name, justify="right")
    for network in ("teacher", "student"):
        row = cost[network]
        table.add_row(
            network,
            f"{row['parameters'] / 1e6:.2f} M",
            f"{row['multiply_adds'] / 1e9:.3f} G",
            f"{row['images_per_second']:.1f}",
        )
    return Group(Text(title, style="table.title"), table)


def _table(title: str | None) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, header_style="bold")

"""Results on disk: each row with its figures, and the machine that they are of."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from benchmarks.bench.row import Measured, Row
from wsdkd.ground.files import publish_file
from wsdkd.ground.origin import processor, versions

PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "h5py",
    "opencv-contrib-python-headless",
    "pillow",
    "onnxruntime",
    "scikit-learn",
    "torchmetrics",
    "dvc",
)
DIGITS = 4

Results = dict[str, Any]
"""``machine``, ``versions``, and ``rows``: a dictionary a row, by name."""


def empty() -> Results:
    """Results of this machine, without any row yet."""
    return {
        "machine": _machine(),
        "versions": versions(PACKAGES),
        "rows": {},
    }


def entry(row: Row, measured: Measured, command: str) -> dict[str, Any]:
    """What is kept of a row."""
    return {
        "ours": row.ours,
        "other": row.other,
        "ratio_of": row.ratio,
        "target": row.target,
        "ratio": _rounded(measured.ratio),
        "lowest": _rounded(min(measured.ratios)),
        "highest": _rounded(max(measured.ratios)),
        "pairs": len(measured.ratios),
        "met": row.meets(measured.ratio),
        "ours_each": _rounded(measured.ours),
        "other_each": _rounded(measured.other),
        "item": measured.item,
        "note": measured.note,
        "date": datetime.now(UTC).date().isoformat(),
        "command": command,
    }


def merged(old: Results, new: Results) -> Results:
    """``old`` with the rows of ``new`` in their place; none of it where the machine or a version differs."""
    if any(old.get(part) != new[part] for part in ("machine", "versions")):
        return new
    return {**new, "rows": {**old["rows"], **new["rows"]}}


def write_results(path: Path, results: Mapping[str, Any]) -> None:
    """Write as JSON."""
    with publish_file(path) as aside:
        aside.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def read_results(path: Path) -> Results:
    """Read what :func:`write_results` wrote."""
    results: Results = json.loads(path.read_text(encoding="utf-8"))
    return results


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _machine() -> str:
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ", no GPU"
    return f"{processor()}{gpu}"

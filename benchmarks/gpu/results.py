"""Results on disk: each row with its figures, and the card that they are of."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.row import Check, Row, Speed
from wsdkd.ground.files import publish_file
from wsdkd.ground.origin import processor, versions

PACKAGES = ("torch", "torchvision", "timm", "accelerate", "numpy", "h5py", "pillow")
DIGITS = 4

Results = dict[str, Any]
"""``card``, ``machine``, ``versions``, ``matrix`` (multiply-adds a second), ``rows``, ``left_out``."""


def empty(device: torch.device) -> Results:
    """Results of this machine, without any row yet."""
    return {
        "card": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "machine": processor(),
        "versions": {**versions(PACKAGES), "CUDA": torch.version.cuda},
        "matrix": None,
        "rows": {},
        "left_out": {},
    }


def entry(row: Row, found: Speed | Check, command: str, seconds: float) -> dict[str, Any]:
    """What is kept of a row."""
    kept = {"ours": row.ours, "other": row.other, "target": row.target}
    if isinstance(found, Speed):
        met = None if row.target is None else found.ratio >= row.target
        values = {**asdict(found), "ratios": list(found.ratios), "ratio": found.ratio, "met": met}
    else:
        values = {**asdict(found), "met": found.right}
    when = {"date": datetime.now(UTC).date().isoformat(), "command": command, "seconds": seconds}
    rounded: dict[str, Any] = _rounded({**kept, **values, **when})
    return rounded


def merged(old: Results, new: Results) -> Results:
    """``old`` with the rows of ``new`` in their place; none of it where the machine or a version differs."""
    if any(old.get(part) != new[part] for part in ("card", "machine", "versions")):
        return new
    rows = {**old["rows"], **new["rows"]}
    left_out = {name: why for name, why in {**old["left_out"], **new["left_out"]}.items() if name not in rows}
    return {**new, "matrix": new["matrix"] or old["matrix"], "rows": rows, "left_out": left_out}


def write_results(path: Path, results: Mapping[str, Any]) -> None:
    """Write as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with publish_file(path) as aside:
        aside.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def read_results(path: Path) -> Results:
    """Read what :func:`write_results` wrote; nothing where there is no file."""
    if not path.is_file():
        return {"rows": {}, "left_out": {}}
    results: Results = json.loads(path.read_text(encoding="utf-8"))
    return results


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value

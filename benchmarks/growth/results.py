"""Results on disk: what each stage took at each size, and the machine that it is of."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.growth.run import Run
from wsdkd.ground.files import publish_file
from wsdkd.ground.origin import processor, versions

PACKAGES = ("torch", "numpy", "pyarrow", "h5py", "opencv-contrib-python-headless", "pillow")

Results = dict[str, Any]
"""``machine``, ``versions``, ``date``, ``command``, and ``runs``: a list of :data:`Run`."""


def empty(command: str) -> Results:
    """Results of this machine, without any run yet."""
    return {
        "machine": processor(),
        "versions": versions(PACKAGES),
        "date": datetime.now(UTC).date().isoformat(),
        "command": command,
        "runs": [],
    }


def write_results(path: Path, results: Mapping[str, Any]) -> None:
    """Write as JSON, times to the millisecond."""
    runs = [
        {key: round(value, 3) if isinstance(value, float) else value for key, value in run.items()}
        for run in results["runs"]
    ]
    with publish_file(path) as aside:
        aside.write_text(json.dumps({**results, "runs": runs}, indent=1) + "\n", encoding="utf-8")


def read_results(path: Path) -> Results:
    """Read what :func:`write_results` wrote; without a file, results without a run."""
    if not path.is_file():
        return {"runs": []}
    results: Results = json.loads(path.read_text(encoding="utf-8"))
    return results


def series(results: Results, against: str) -> dict[str, list[Run]]:
    """Runs by stage, smallest first; stages in the order of their first run."""
    found: dict[str, list[Run]] = {}
    for run in results["runs"]:
        if run["against"] == against:
            found.setdefault(run["stage"], []).append(run)
    return {stage: sorted(runs, key=lambda run: run["count"]) for stage, runs in found.items()}

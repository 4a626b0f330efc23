"""Where the project lies, and what the flows keep in it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

HOME = ROOT / ".prefect"
"""Prefect's files: database, logs, locks. Git and DVC ignore the folder."""

LOCK_FILE = "dvc.lock"
METRICS = Path("reports/metrics.json")
PICTURES = Path("reports/pictures")

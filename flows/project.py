"""Where the project lies, what the flows keep in it, and how Prefect is set up for it."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

HOME = ROOT / ".prefect"
"""Prefect's files: database, logs, locks. Git and DVC ignore the folder."""

LOCK_FILE = "dvc.lock"
METRICS = Path("reports/metrics.json")
REPORT = Path("reports/report.html")
PICTURES = Path("reports/pictures")

PREFECT = {
    # A database, logs and profiles of the project's own: another project's server would lock ours.
    "PREFECT_HOME": str(HOME),
    # No telemetry, of server and client.
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "DVC_NO_ANALYTICS": "1",
    # DVC alone decides what reruns.
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    # Who holds a GPU is known to a server that was killed, too, and is let go of in time.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    # A server that is restarted must not cost the training that reports to it.
    "PREFECT_CLIENT_MAX_RETRIES": "8",
    # A stage that waits for a GPU asks again every few seconds, and Prefect calls each time an error.
    "PREFECT_INTERNAL_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_CLI_PROMPT": "false",
}


def settle_prefect() -> None:
    """Set what the environment does not set already; to be called before Prefect is imported."""
    for name, value in PREFECT.items():
        os.environ.setdefault(name, value)

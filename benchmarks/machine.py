"""Where and with what something was measured."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path


def processor() -> str:
    """How many cores there are, and of which processor."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores of {_name()}"


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Of Python and of each package."""
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def _name() -> str:
    # Linux alone says which processor it is where Python would only know its family.
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()

"""Which machine has GPUs, found without torch, and the limit that its stages share."""

import os
import shutil
import socket
import subprocess
from contextlib import suppress

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectAlreadyExists

GPUS_VARIABLE = "WSDKD_GPUS"


def count_gpus() -> int:
    """GPUs that a stage may use: ``WSDKD_GPUS``, or what nvidia-smi lists, less those that are hidden.

    Raises:
        ValueError: the variable is no whole number.
    """
    text = os.environ.get(GPUS_VARIABLE)
    if text:
        if not text.isdecimal():
            raise ValueError(f"{GPUS_VARIABLE}={text}: expected a whole number")
        return int(text)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([part for part in visible.split(",") if part.strip() not in ("", "-1")])
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    done = subprocess.run([program, "-L"], capture_output=True, text=True, check=False)  # noqa: S603
    return sum(line.startswith("GPU ") for line in done.stdout.splitlines()) if done.returncode == 0 else 0


def gpu_limit() -> str | None:
    """Name of the Prefect limit for this machine's GPUs, which exists from now on; None without GPUs.

    A stage starts a process on each GPU, so one stage at a time has them all, whichever project and
    flow run it belongs to.
    """
    if count_gpus() == 0:
        return None
    name = f"gpu-{socket.gethostname()}"
    # Of two flows that find no limit and make it, the second has it as well.
    with get_client(sync_client=True) as client, suppress(ObjectAlreadyExists):
        client.upsert_global_concurrency_limit_by_name(name, limit=1)
    return name

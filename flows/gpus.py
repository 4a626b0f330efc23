"""Which machine has GPUs, found without torch, and how its stages take turns with them."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import httpx
from prefect.client.orchestration import get_client
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists

from flows.processes import Processes, StoppedError

GPUS_VARIABLE = "WSDKD_GPUS"
WAIT_SECONDS = 3.0  # for the GPUs, before they are asked for again
LEASE_SECONDS = 60.0  # a killed flow gives the GPUs back after this


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


@contextmanager
def gpus_of_this_machine(
    limit: str | None, processes: Processes, log: Callable[[str], None]
) -> Iterator[None]:
    """Hold the machine's GPUs, where it has any.

    Raises:
        StoppedError: the flow run is ending.
    """
    with ExitStack() as held:
        waiting = False
        while limit is not None:
            try:
                held.enter_context(
                    concurrency(
                        limit,
                        # One question at a time, to its answer. Prefect's timeout would cut one off that the
                        # server then says yes to, and the GPUs were nobody's until that lease ran out.
                        max_retries=0,
                        lease_duration=LEASE_SECONDS,
                        strict=True,
                        # A server that is away for a while must not cost the training.
                        raise_on_lease_renewal_failure=False,
                    )
                )
                break
            except ConcurrencySlotAcquisitionError as error:
                if not _is_taken(error):
                    raise
            if not waiting:
                log(f"Waiting for {limit}: another stage computes on this machine's GPUs.")
            waiting = True
            time.sleep(WAIT_SECONDS)
            if processes.stopped:
                raise StoppedError(f"{limit}: no longer waited for, as the flow run is ending")
        yield


def _is_taken(error: ConcurrencySlotAcquisitionError) -> bool:
    cause = error.__cause__
    return isinstance(cause, httpx.HTTPStatusError) and cause.response.status_code == httpx.codes.LOCKED

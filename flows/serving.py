"""Serves the deployment ``retrain/scheduled``: the server says when, a process started from here runs it."""

import asyncio
import multiprocessing
import signal
from contextlib import suppress
from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.runner import Runner
from prefect.types.entrypoint import EntrypointType

from flows.options import Retraining

NAME = "scheduled"
ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
CANCELLED_WITHIN = 20.0  # seconds; longer where the server does not answer, which then is not waited for


async def serve(flow: Flow[..., Any], chosen: Retraining, when: dict[str, Any]) -> None:
    """Serve until Ctrl-C or SIGTERM, which also cancel the run that is going on.

    Prefect's runner waits for that run, however long it takes, so it is left to nobody: the run is
    cancelled first. Its stages end as they do when it is cancelled on its page.

    Args:
        flow: served.
        chosen: options of each run.
        when: ``cron`` or ``interval``, as Prefect takes them.

    Raises:
        httpx.HTTPError, RuntimeError: the server was away for long.
    """
    runner = Runner(name=NAME, limit=1, pause_on_shutdown=False)  # the schedule outlives this process
    await runner.aadd_flow(
        flow,
        name=NAME,
        **when,
        parameters={"options": chosen.model_dump(mode="json")},
        concurrency_limit=ONE_AT_A_TIME,
        # By its name, so that a run imports what stands in this folder when it starts.
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    serving = asyncio.create_task(runner.start())
    # The runner sets a handler of its own when it starts; ours comes after it.
    await asyncio.sleep(0)
    signalled = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, signalled.set)
    asked = asyncio.create_task(signalled.wait())
    await asyncio.wait({serving, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if signalled.is_set():
        await _end(runner, serving)
    else:
        await serving


async def _end(runner: Runner, serving: "asyncio.Task[None]") -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(CANCELLED_WITHIN):
            if runner.started:
                await runner.astop()
            while not serving.done():
                # Again, for a run whose process was only just being started.
                await runner.cancel_all()
                await asyncio.wait({serving}, timeout=1)
    # None is left here, unless the server did not answer.
    for process in multiprocessing.active_children():
        process.terminate()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)

"""Scheduled retraining: ``python -m flows.schedule --cron "0 2 * * *"`` or ``--interval SECONDS``.

Serves the flow ``retrain`` from this folder: the server says when, this process runs it.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Any

import httpx
import typer
from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import CronSchedule
from prefect.runner import Runner
from prefect.types.entrypoint import EntrypointType
from pydantic import ValidationError

from flows.options import Retraining, say, with_options
from flows.retrain import retrain
from flows.server import PORT, ServerError, answers, configured_url, start_server, use_server

NAME = "scheduled"
ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
CANCELLED_WITHIN = 20.0  # seconds; longer where the server does not answer, which then is not waited for
SERVER_AWAY_SECONDS = 5.0
PARENT_LOOKED_AT = 1.0  # seconds


@with_options
def main(
    chosen: Retraining,
    cron: Annotated[str | None, typer.Option(help='When, in UTC: "0 2 * * *" is at two.')] = None,
    interval: Annotated[float | None, typer.Option(min=1, help="Seconds from one run to the next.")] = None,
    server: Annotated[bool, typer.Option("--server", help="Run the Prefect server, too.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of that server, on 127.0.0.1.")] = PORT,
    with_parent: Annotated[
        int | None, typer.Option(metavar="PID", help="End when that process, which started this one, ends.")
    ] = None,
) -> None:
    """Serve the deployment retrain/scheduled until this process is ended; options are those of its runs."""
    if (cron is None) == (interval is None):
        raise typer.BadParameter("give one of --cron and --interval")
    if with_parent is not None:
        end_with(with_parent)
    if cron is not None:
        _check(cron)
    when: dict[str, Any] = {"interval": timedelta(seconds=interval or 0)} if cron is None else {"cron": cron}
    try:
        url = start_server(port) if server else configured_url()
        if url is None:
            raise ServerError(
                "no server to keep the schedule: name one in PREFECT_API_URL, or start one, too: --server"
            )
    except ServerError as error:
        say(f"error: {error}")
        sys.exit(1)
    use_server(url)
    say(f"Open {url.removesuffix('/api')} to see the runs; Ctrl-C ends the schedule's process.")
    try:
        serve_for_ever(url, chosen, when)
    except KeyboardInterrupt:
        sys.exit(130)


def end_with(parent: int) -> None:
    """Have this process told to end once ``parent`` has ended, which may be killed and tell nobody."""

    def watch() -> None:
        # Whoever has lost its parent gets another one.
        while os.getppid() == parent:
            time.sleep(PARENT_LOOKED_AT)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def serve_for_ever(url: str, chosen: Retraining, when: dict[str, Any]) -> None:
    """Serve the deployment until a signal comes, and do so again after the server was away for long."""
    while True:
        if not answers(url):
            say(f"No server answers at {url}; waiting for it.")
        while not answers(url):
            time.sleep(SERVER_AWAY_SECONDS)
        try:
            asyncio.run(serve(retrain, chosen, when))
            return
        except (httpx.HTTPError, RuntimeError):
            if answers(url):
                raise


async def serve(flow: Flow[..., Any], chosen: Retraining, when: dict[str, Any]) -> None:
    """Serve until Ctrl-C, SIGTERM or SIGHUP, which also cancel the run that is going on.

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
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            continue  # nohup: it is to go on when the terminal is closed
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


def _check(cron: str) -> None:
    # Before a server is started, and in fewer words than Prefect's.
    try:
        CronSchedule(cron=cron)
    except ValidationError:
        raise typer.BadParameter(f'--cron "{cron}": not five fields as cron reads them') from None


if __name__ == "__main__":
    typer.run(main)

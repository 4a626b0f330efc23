"""Scheduled retraining: ``python -m flows.schedule --cron "0 2 * * *"`` or ``--interval SECONDS``.

Serves the flow ``retrain`` from this folder: the server says when, this process runs it.
"""

import signal
import sys
import time
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Any

import httpx
import typer
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.types.entrypoint import EntrypointType

from flows import options
from flows.options import Retraining
from flows.retrain import retrain
from flows.server import PORT, ServerError, configured_url, is_healthy, start_server, use_server

NAME = "scheduled"
ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
SERVER_AWAY_SECONDS = 5.0


def main(
    cron: Annotated[str | None, typer.Option(help='When, as cron says it: "0 2 * * *" is at two.')] = None,
    interval: Annotated[float | None, typer.Option(min=1, help="Seconds from one run to the next.")] = None,
    server: Annotated[bool, typer.Option("--server", help="Run the Prefect server, too.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of that server, on 127.0.0.1.")] = PORT,
    pull: options.Pull = False,
    push: options.Push = True,
    commit: options.Commit = False,
    promote: options.Promote = True,
    allow_dirty: options.AllowDirty = False,
    update: options.Update = None,
    at_once: options.AtOnce = None,
    wait_minutes: options.WaitMinutes = options.WAIT_MINUTES,
) -> None:
    """Serve the deployment retrain/scheduled until this process is ended; options are those of its runs."""
    if (cron is None) == (interval is None):
        raise typer.BadParameter("give one of --cron and --interval")
    chosen = Retraining(
        pull=pull,
        push=push,
        commit=commit,
        promote=promote,
        allow_dirty=allow_dirty,
        update=tuple(update or ()),
        at_once=at_once,
        wait_minutes=wait_minutes,
    )
    when: dict[str, Any] = {"cron": cron} if cron else {"interval": timedelta(seconds=interval or 0)}
    try:
        url = start_server(port) if server else configured_url()
    except ServerError as error:
        _say(f"error: {error}")
        sys.exit(2)
    if url is None:
        _say(
            "error: no server to keep the schedule: name one in PREFECT_API_URL, or start one here, "
            "too: --server"
        )
        sys.exit(2)
    use_server(url)
    _say(f"Open {url.removesuffix('/api')} to see the runs; Ctrl-C ends the schedule's process.")
    # Ending it in order, by Ctrl-C or by SIGTERM, is the same.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        serve_for_ever(url, chosen, when)


def serve_for_ever(url: str, chosen: Retraining, when: dict[str, Any]) -> None:
    """Serve the deployment, and do so again after the server was away for long."""
    while True:
        try:
            retrain.serve(
                name=NAME,
                **when,
                parameters={"options": chosen.model_dump(mode="json")},
                global_limit=ONE_AT_A_TIME,
                limit=1,
                # The schedule lies in the server, and outlives this process.
                pause_on_shutdown=False,
                print_starting_message=False,
                # By its name, so that a run imports what stands in this folder when it starts.
                entrypoint_type=EntrypointType.MODULE_PATH,
            )
            return
        except (httpx.HTTPError, RuntimeError) as error:
            if is_healthy(url):
                raise
            _say(f"The server at {url} is away ({type(error).__name__}); trying again.")
        while not is_healthy(url):
            time.sleep(SERVER_AWAY_SECONDS)


def _say(line: str) -> None:
    typer.echo(line, err=True)


if __name__ == "__main__":
    typer.run(main)

"""Scheduled retraining: ``python -m flows.schedule --cron "0 2 * * *"`` or ``--interval SECONDS``.

Serves the flow ``retrain`` from this folder: the server says when, this process runs it.
"""

import asyncio
import sys
import time
from datetime import timedelta
from typing import Annotated, Any

import httpx
import typer
from prefect.client.schemas.schedules import CronSchedule
from pydantic import ValidationError

from flows.command import say, with_options
from flows.options import Retraining
from flows.retrain import retrain
from flows.server import PORT, ServerError, answers, configured_url, start_server, use_server
from flows.serving import serve

SERVER_AWAY_SECONDS = 5.0


@with_options
def main(
    chosen: Retraining,
    cron: Annotated[str | None, typer.Option(help='When, in UTC: "0 2 * * *" is at two.')] = None,
    interval: Annotated[float | None, typer.Option(min=1, help="Seconds from one run to the next.")] = None,
    server: Annotated[bool, typer.Option("--server", help="Run the Prefect server, too.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of that server, on 127.0.0.1.")] = PORT,
) -> None:
    """Serve the deployment retrain/scheduled until this process is ended; options are those of its runs."""
    if (cron is None) == (interval is None):
        raise typer.BadParameter("give one of --cron and --interval")
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


def _check(cron: str) -> None:
    # Before a server is started, and in fewer words than Prefect's.
    try:
        CronSchedule(cron=cron)
    except ValidationError:
        raise typer.BadParameter(f'--cron "{cron}": not five fields as cron reads them') from None


if __name__ == "__main__":
    typer.run(main)

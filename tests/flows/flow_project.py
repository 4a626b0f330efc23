"""A clone in which real flows run, a real server that they report to, and the processes they start."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.pipeline.clone import Clone
from wsdkd.profiles import customised

API_SECONDS = 90  # a server waits up to a minute for its own database
PATIENCE = 900.0
"""Seconds until a test gives up on what may take its time; on a busy machine a server starts in minutes."""


@dataclass(frozen=True)
class Server:
    """A Prefect server on loopback, seen through its API."""

    url: str

    def find(self, what: str, **filters: Any) -> list[dict[str, Any]]:
        answer = httpx.post(f"{self.url}/{what}/filter", json=filters, timeout=API_SECONDS)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found

    def flow_run(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.url}/flow_runs/{run_id}", timeout=API_SECONDS).json()
        return found

    def tasks(self, run_id: str) -> dict[str, dict[str, Any]]:
        """The task runs of a flow run, by name."""
        return {each["name"]: each for each in self.find("task_runs", flow_runs={"id": {"any_": [run_id]}})}

    def states(self, run_id: str) -> dict[str, str]:
        """Name of the state of each task of a flow run."""
        return {name: each["state_name"] for name, each in self.tasks(run_id).items()}

    def artifacts(self, run_id: str) -> dict[str, dict[str, Any]]:
        """The artifacts of a flow run, by key."""
        return {each["key"]: each for each in self.find("artifacts", flow_runs={"id": {"any_": [run_id]}})}

    def logs(self, run_id: str) -> list[str]:
        found = self.find("logs", logs={"flow_run_id": {"any_": [run_id]}}, sort="TIMESTAMP_ASC", limit=200)
        return [each["message"] for each in found]

    def cancel(self, run_id: str) -> None:
        state = {"type": "CANCELLING", "name": "Cancelling"}
        httpx.post(f"{self.url}/flow_runs/{run_id}/set_state", json={"state": state}).raise_for_status()


@dataclass(frozen=True)
class FlowProject:
    """A clone and the server that its flows report to."""

    clone: Clone
    server: Server

    @property
    def root(self) -> Path:
        return self.clone.root

    def environment(self, **more: str) -> dict[str, str]:
        return {**self.clone.environment(), "PREFECT_API_URL": self.server.url, **more}

    def set(self, *changes: str) -> None:
        """Change parameters, and commit the change."""
        params = self.root / "params.yaml"
        params.write_text(customised(params.read_text(), list(changes), params))
        self.clone.git("commit", "--quiet", "--all", "-m", " ".join(changes))

    def start(self, *arguments: str, module: str = "flows.retrain", **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=self.root,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, status: int = 0, **more: str) -> dict[str, Any]:
        """Run the flow to its end, hold its exit status against ``status``, and return the flow run."""
        process = self.start(*arguments, **more)
        output, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == status, output
        found = re.search(r"/runs/flow-run/([0-9a-f-]{36})", output)
        assert found, output
        return self.server.flow_run(found[1])

    def states(self, *arguments: str, **more: str) -> dict[str, str]:
        """Run the flow and return the state of each of its tasks."""
        return self.server.states(self.run(*arguments, **more)["id"])

    def newest(self) -> dict[str, Any]:
        return self.server.find("flow_runs", sort="START_TIME_DESC", limit=1)[0]

    def processes(self) -> list[psutil.Process]:
        """All processes that work in the clone's folder, but for the server."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == self.root:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def commands(self) -> list[str]:
        """The command lines of all these processes."""
        return [_command(process) for process in self.processes()]

    def is_running(self, stage: str) -> bool:
        return any(f"stages.{stage}" in line for line in self.commands())


def wait_until(what: Callable[[], Any], seconds: float = PATIENCE, every: float = 0.1) -> float:
    """Seconds until ``what()`` was true; an assertion fails after ``seconds``."""
    started = time.monotonic()
    while not what():
        assert time.monotonic() - started < seconds, f"not within {seconds} s"
        time.sleep(every)
    return time.monotonic() - started


@contextmanager
def prefect_server(home: Path, port: int) -> Iterator[Server]:
    """Run a server whose database lies in ``home``."""
    foreign = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    settings = {
        "PREFECT_HOME": str(home),
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (home / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, env={**foreign, **settings}, cwd=home, stdout=log, stderr=log, start_new_session=True
        )
    server = Server(f"http://127.0.0.1:{port}/api")
    try:
        wait_until(lambda: _answers(server))
        yield server
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(server: Server) -> bool:
    try:
        return httpx.get(f"{server.url}/health").status_code == 200
    except httpx.HTTPError:
        return False


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def logs(server: Server, task: dict[str, Any]) -> list[dict[str, Any]]:
    return server.find("logs", logs={"task_run_id": {"any_": [task["id"]]}}, sort="TIMESTAMP_ASC", limit=200)


def logged(server: Server, task: dict[str, Any], place: int) -> datetime:
    # The first line comes when the stage has its turn; a task also runs while it waits for others.
    return datetime.fromisoformat(logs(server, task)[place]["timestamp"])


def span(task: dict[str, Any]) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(task["start_time"]), datetime.fromisoformat(task["end_time"])

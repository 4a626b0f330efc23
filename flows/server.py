"""The Prefect server: one that is named, the project's own that runs already, or one for a while."""

import atexit
import fcntl
import os
import socket
import subprocess
import sys
import threading
import time

import httpx
from prefect.context import refresh_global_settings_context

from flows.project import HOME, ROOT

PORT = 4200
URL_FILE = HOME / "server.url"
LOG_FILE = HOME / "server.log"
START_SECONDS = 180.0
RESTART_SECONDS = 1.0
ASKED_AGAIN_AFTER = (1.0, 2.0)  # seconds; a server may be busy, or just being restarted
ENDING_SECONDS = 20.0  # in which the server of a run that has just ended is gone


class ServerError(Exception):
    """No server can be had; the message says why."""


def configured_url() -> str | None:
    """The server to use: ``PREFECT_API_URL``, or the project's own where it runs; None where neither is."""
    named = os.environ.get("PREFECT_API_URL")
    if named:
        return named
    try:
        own = URL_FILE.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    return own if is_healthy(own) else None


def use_server(url: str) -> None:
    """Make Prefect, in this process and in those it starts, talk to the server at ``url``."""
    os.environ["PREFECT_API_URL"] = url
    # Prefect read its settings when it was imported.
    refresh_global_settings_context()


def start_server(port: int | None = None) -> str:
    """Run a server on loopback, with its files in the project, for as long as this process lives.

    A server that ends by itself or is killed is started again.

    Args:
        port: by default any that is free, for a server that is needed for a while; one that has a
            port is found by later runs in this project.

    Returns:
        The URL of its API.

    Raises:
        ServerError: another process runs the project's server, the port is taken, or it does not start.
    """
    HOME.mkdir(parents=True, exist_ok=True)
    # Held to the end of the process and of the server that inherits it, which filelock's cannot be: two
    # servers on one database lock each other out.
    lock = os.open(HOME / "server.lock", os.O_RDWR | os.O_CREAT)
    _take(lock)
    chosen = port or _free_port()
    _require_free(chosen)
    url = f"http://127.0.0.1:{chosen}/api"
    server = _Server(chosen, lock)
    # At the very end: Prefect's threads hand in their last lines after the main one has ended.
    atexit.register(server.end)
    _wait_until_healthy(url, server)
    if port is not None:
        URL_FILE.write_text(url + "\n", encoding="utf-8")
        atexit.register(URL_FILE.unlink, missing_ok=True)
    return url


def require_server(url: str) -> None:
    """Refuse a server that does not answer, before Prefect tries it again and again.

    Raises:
        ServerError: says what to do.
    """
    for pause in ASKED_AGAIN_AFTER:
        if answers(url):
            return
        time.sleep(pause)
    if not answers(url):
        raise ServerError(
            f"PREFECT_API_URL={url}: no server answers there; start it or correct the address, or unset the "
            "variable to run with a server of the project's own"
        )


def answers(url: str) -> bool:
    """Whether something answers at ``url`` that may be a server: one that asks who we are is one, too."""
    return 0 < _health(url) < 500


def is_healthy(url: str) -> bool:
    """Whether a server at ``url`` is up and lets us in."""
    return _health(url) == 200


class _Server:
    """A server process behind a guard, started again when it ends."""

    def __init__(self, port: int, lock: int) -> None:
        self._port = port
        self._lock = lock
        self._ending = threading.Event()
        self.process = self._start()
        threading.Thread(target=self._keep, daemon=True).start()

    def end(self) -> None:
        self._ending.set()
        self._close(self.process)

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "flows.guard", sys.executable, "-m", "prefect", "server", "start"]
        command += ["--host", "127.0.0.1", "--port", str(self._port)]
        environment = {key: value for key, value in os.environ.items() if key != "PREFECT_API_URL"}
        with LOG_FILE.open("ab") as log:
            return subprocess.Popen(  # noqa: S603
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                # A server that is still ending holds the database.
                pass_fds=[self._lock],
                start_new_session=True,
            )

    def _keep(self) -> None:
        while not self._ending.is_set():
            self.process.wait()
            if not self._ending.wait(RESTART_SECONDS):
                self._close(self.process)
                self.process = self._start()

    @staticmethod
    def _close(process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            process.stdin.close()
        process.wait()


def _health(url: str) -> int:
    """HTTP status of a server's check of its health; 0 where nothing answers."""
    try:
        return httpx.get(f"{url.rstrip('/')}/health", timeout=5.0).status_code
    except (httpx.HTTPError, httpx.InvalidURL):
        return 0


def _take(lock: int) -> None:
    until = time.monotonic() + ENDING_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise ServerError(
                    "another process runs this project's Prefect server; use it, or wait until it ends"
                ) from None
        time.sleep(0.2)


def _wait_until_healthy(url: str, server: _Server) -> None:
    until = time.monotonic() + START_SECONDS
    while not is_healthy(url):
        if server.process.poll() is not None or time.monotonic() > until:
            raise ServerError(f"the Prefect server did not start; its last lines are in {LOG_FILE}")
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _require_free(port: int) -> None:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError as error:
            raise ServerError(f"port {port} of 127.0.0.1: {error.strerror}; choose another: --port") from None

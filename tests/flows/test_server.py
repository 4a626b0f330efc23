"""A server that does not answer is told of at once."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from flows import server
from flows.server import ServerError, answers, is_healthy, require_server
from tests.flows.conftest import free_port
from tests.pipeline.clone import make_clone


@contextmanager
def _answering(status: int) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/api/health" else 500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as answering:
        thread = threading.Thread(target=answering.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{answering.server_port}/api"
        finally:
            answering.shutdown()
            thread.join()


@pytest.mark.parametrize(("status", "there", "healthy"), [(200, 1, 1), (401, 1, 0), (503, 0, 0)])
def test_a_server_that_asks_who_we_are_is_there_too(status: int, there: bool, healthy: bool) -> None:
    with _answering(status) as url:
        assert (answers(url), answers(url + "/"), is_healthy(url)) == (there, there, healthy)


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/api", "127.0.0.1", "http://[", ""])
def test_what_does_not_answer_is_refused_with_its_address(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "ASKED_AGAIN_AFTER", (0.1,))
    url = url.format(port=free_port())
    with pytest.raises(ServerError, match="no server answers there") as refused:
        require_server(url)
    assert str(refused.value).startswith(f"PREFECT_API_URL={url}: ")


def test_a_run_by_hand_ends_with_one_line(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "project")
    url = f"http://127.0.0.1:{free_port()}/api"
    done = subprocess.run(
        [sys.executable, "-m", "flows.retrain"],
        cwd=clone.root,
        env={**clone.environment(), "PREFECT_API_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: PREFECT_API_URL={url}: no server answers there")
    assert done.stdout == ""

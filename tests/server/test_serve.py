"""``wsdkd serve`` as a process of its own, under load, and how it stops."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import httpx
import pytest

from tests.server.conftest import Served
from wsdkd.ground.errors import UserError

ROOT = Path(__file__).parents[2]


def test_many_clients_with_broken_files_between_and_a_graceful_stop(
    server: Served,
) -> None:
    process, address, root = server.process, server.address, server.root
    whole, cut = (root / "pictures/0.png").read_bytes(), (root / "pictures/1.png").read_bytes()[:-300]
    with httpx.Client(base_url=address, timeout=60) as client, ThreadPoolExecutor(8) as pool:

        def ask(number: int) -> int:
            return client.post("/predict", content=cut if number % 10 == 0 else whole).status_code

        statuses = list(pool.map(ask, range(200)))
        assert statuses == [422 if number % 10 == 0 else 200 for number in range(200)]
        # A page from elsewhere whose name leads here is not answered.
        assert client.get("/", headers={"Host": "elsewhere.example"}).status_code == 400
        # A request that is under way when it is asked to stop is answered, though nobody is let in any more.
        begun, to_end = Event(), Event()

        def slowly() -> Iterator[bytes]:
            yield whole[:100]
            begun.set()
            to_end.wait(60)
            yield whole[100:]

        last = pool.submit(client.post, "/predict", content=slowly())
        assert begun.wait(60)
        assert client.get("/health").status_code == 200  # by now it has seen what came before
        process.send_signal(signal.SIGTERM)
        while _lets_in(address):
            time.sleep(0.05)
        to_end.set()
        assert last.result(60).status_code == 200
    _, told = process.communicate(timeout=30)
    assert process.returncode in (0, -signal.SIGTERM)
    assert "Traceback" not in told
    assert f"{address} answers with promoted" in told


def _lets_in(address: str) -> bool:
    try:
        httpx.get(f"{address}/health")
    except httpx.TransportError:
        return False
    return True


def test_no_student_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from wsdkd.cli.main import app

    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").touch()
    result = CliRunner().invoke(app, ["serve"])
    assert isinstance(result.exception, UserError)
    assert "no student is promoted yet" in str(result.exception)

"""One server for all tests of flows that a worker of pytest runs."""

import signal
import socket
from collections.abc import Iterator

import pytest

from tests.flows.flow_project import Server, prefect_server

# A shell starts what it puts in the background deaf to Ctrl-C, and pytest's children would inherit it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with prefect_server(tmp_path_factory.mktemp("prefect"), free_port()) as running:
        yield running


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])

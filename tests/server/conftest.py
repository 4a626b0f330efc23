"""``wsdkd serve`` as a process of its own, in a project of small networks."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.serving.fake_students import promote
from tests.serving.small_project import keep_counts, make_project
from wsdkd.serving.store import Store

ROOT = Path(__file__).parents[2]


class Served(NamedTuple):
    process: subprocess.Popen[str]
    address: str
    root: Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    make_project(tmp_path, 6)
    keep_counts(tmp_path / "models/good")
    promote(Store(tmp_path / "models/promoted"), tmp_path / "models/good")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from wsdkd.cli.main import main; main()", "serve", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                if httpx.get(f"{address}/health").status_code == 200:
                    break
            except httpx.TransportError:
                assert process.poll() is None, process.stderr
                time.sleep(0.1)
        yield Served(process, address, tmp_path)
    finally:
        process.kill()
        process.communicate()

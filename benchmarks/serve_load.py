"""What `wsdkd serve` bears: many clients, broken files between, and the speed of `wsdkd predict` beside it.

    python -m benchmarks.serve_load [--requests 10000] [--clients 32] [--model student]

Run it in the folder of a finished project, or with --within one. A server of its own answers pictures of the
test split, of which one in a hundred is cut off. Then rounds of `predict` (the same student, in this process)
and of requests take turns on the same whole pictures, so that other load on the machine slows both: their
ratio counts. Memory is the server's own, read after every tenth of the requests.
"""

import http.client
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from threading import local
from typing import Annotated, Self

import typer

from benchmarks.command import run
from wsdkd import project
from wsdkd.ground.errors import UserError
from wsdkd.ground.origin import processor

PARTS = 10
START = 1800.0
"""Seconds that a server may take to begin, on a machine that is busy."""


@dataclass(frozen=True)
class Load:
    """What became of many requests.

    Attributes:
        statuses: how many answers had each status.
        seconds: all of them took.
        middle, late: milliseconds of an answer, the median and the slowest but one in a hundred.
        memory: MB of the server after each tenth of the requests.
    """

    statuses: dict[int, int]
    seconds: float
    middle: float
    late: float
    memory: list[float]


class Clients:
    """Threads that ask a server on this machine, each over a connection of its own that stays open."""

    def __init__(self, port: int, number: int):
        self._port, self._pool, self._mine = port, ThreadPoolExecutor(number), local()
        self._open: list[http.client.HTTPConnection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        for connection in self._open:
            connection.close()

    def ask(self, contents: Sequence[bytes]) -> list[tuple[int, float]]:
        """Status and seconds of each answer."""
        return list(self._pool.map(self._one, contents))

    def _one(self, content: bytes) -> tuple[int, float]:
        started = time.perf_counter()
        status = self._status(content, getattr(self._mine, "connection", None))
        return status, time.perf_counter() - started

    def _status(self, content: bytes, kept: http.client.HTTPConnection | None) -> int:
        connection = kept
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
            self._mine.connection = connection
            self._open.append(connection)
        try:
            connection.request("POST", "/predict", body=content)
            answer = connection.getresponse()
        except ConnectionError:
            if kept is None:
                raise
            # A server closes a connection that was silent for some seconds: no request is lost by that.
            return self._status(content, None)
        answer.read()
        return answer.status


def requests(whole: Sequence[bytes], number: int, broken: int) -> list[bytes]:
    """Pictures in turn, of which every ``broken``-th is cut off."""
    contents = (whole[place % len(whole)] for place in range(number))
    return [
        each[: len(each) // 2] if place % broken == broken - 1 else each
        for place, each in enumerate(contents)
    ]


def bear(clients: Clients, contents: Sequence[bytes], process: int) -> Load:
    """Ask all of it, and look at the server's memory after every tenth."""
    edges = [len(contents) * part // PARTS for part in range(PARTS + 1)]
    answers: list[tuple[int, float]] = []
    memory = []
    started = time.perf_counter()
    for first, last in pairwise(edges):
        answers += clients.ask(contents[first:last])
        memory.append(resident(process))
    seconds = time.perf_counter() - started
    took = sorted(1000 * each for _, each in answers)
    statuses = Counter(status for status, _ in answers)
    return Load(
        dict(sorted(statuses.items())),
        round(seconds, 1),
        round(statistics.median(took), 1),
        round(took[int(0.99 * (len(took) - 1))], 1),
        memory,
    )


def resident(process: int) -> float:
    """MB of memory that a process holds, on Linux."""
    found = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{process}/status").read_text(), re.M)
    assert found is not None  # noqa: S101, of a process that is there
    return round(int(found[1]) / 1000, 1)


@contextmanager
def served(model: str) -> Iterator[tuple[int, int]]:
    """A server of the current folder's project: its port, and the number of its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # -P: the code of this process, also where the project has its own.
    command = [sys.executable, "-P", "-m", "wsdkd", "serve", "--model", model, "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + START
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > until:
                raise UserError(f"{' '.join(command[1:])}: did not begin to answer; run it to see why")
            time.sleep(0.2)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
    except OSError:
        return False


def compared(clients: Clients, model: str, files: Sequence[Path], rounds: int) -> list[dict[str, float]]:
    """Pictures a second by `predict` and over HTTP, in turns."""
    import torch

    from wsdkd.serving.named import student_named
    from wsdkd.student.network import load_student
    from wsdkd.student.run import BATCH_SIZE, label_pictures

    student, device = load_student(student_named(model).folder), torch.device("cpu")
    contents = [file.read_bytes() for file in files]
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        for _ in label_pictures(student, files, batch_size=BATCH_SIZE, device=device):
            pass
        between = time.perf_counter()
        clients.ask(contents)
        ended = time.perf_counter()
        found.append({"predict": len(files) / (between - started), "serve": len(files) / (ended - between)})
    return found


def sentence(load: Load, speeds: Sequence[dict[str, float]], clients: int) -> str:
    """All of it in words."""
    number = sum(load.statuses.values())
    statuses = ", ".join(f"{count:,} of status {status}" for status, count in load.statuses.items())
    text = (
        f"{number:,} requests by {clients} clients in {load.seconds:.0f} s: {statuses}. Median answer "
        f"{load.middle:.0f} ms, 99 % within {load.late:.0f} ms. Memory {load.memory[0]:.0f} MB after the "
        f"first tenth, {load.memory[PARTS // 2 - 1]:.0f} MB after half, {load.memory[-1]:.0f} MB at the end."
    )
    if speeds:
        ratios = sorted(each["serve"] / each["predict"] for each in speeds)
        predicted, answered = (
            statistics.median(each[name] for each in speeds) for name in ("predict", "serve")
        )
        text += (
            f" Over HTTP {answered:.0f} pictures a second, by predict {predicted:.0f}: "
            f"{100 * statistics.median(ratios):.0f} % ({100 * ratios[0]:.0f} to {100 * ratios[-1]:.0f} % in "
            f"{len(ratios)} rounds)."
        )
    return text


def main(
    requests_: Annotated[int, typer.Option("--requests", min=PARTS)] = 10_000,
    clients: Annotated[int, typer.Option(min=1)] = 32,
    broken: Annotated[int, typer.Option(min=2, help="One in so many files is cut off.")] = 100,
    model: Annotated[str, typer.Option(help="Name or folder of a student; or an exported file.")] = "student",
    pictures: Annotated[int, typer.Option(min=1, help="Of the test split, the first so many.")] = 800,
    rounds: Annotated[int, typer.Option(min=0, help="Of predict and requests in turns; 0: none.")] = 5,
    within: Annotated[Path, typer.Option(help="Folder of the project.")] = Path(),
    to: Annotated[Path | None, typer.Option(help="File that takes the figures, as JSON.")] = None,
) -> None:
    """Put load on a server and say what it bore."""
    target = None if to is None else to.absolute()
    os.chdir(within)
    from wsdkd.data.photographs import photographs_folder
    from wsdkd.data.tables import read_images

    root = photographs_folder(project.IMAGES)
    files = [root / row.path for row in read_images(project.IMAGES, "test")[:pictures]]
    with served(model) as (port, process), Clients(port, clients) as asking:
        asking.ask([files[0].read_bytes()] * clients)  # connections and memory that every server needs
        load = bear(asking, requests([file.read_bytes() for file in files], requests_, broken), process)
        speeds = [] if model.endswith(".onnx") else compared(asking, model, files, rounds)
    result = {
        **asdict(load),
        "speeds": speeds,
        "machine": processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[1],
    }
    if target is not None:
        target.write_text(json.dumps(result, indent=1), encoding="utf-8")
    typer.echo(sentence(load, speeds, clients))
    typer.echo(f"{processor()}, {os.cpu_count()} cores, load of five minutes {os.getloadavg()[1]:.1f}")


if __name__ == "__main__":
    run(main)

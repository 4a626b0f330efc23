"""An ordered map over the workers of a Dask cluster, with few tasks at a time however many items.

A worker works only where its surroundings are those of the process that asks: the same code, the same
packages, the same files at the same places. So its bytes are the same.
"""

import hashlib
import pickle
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np
import PIL
from distributed import Client, Future, KilledWorker, get_worker, wait
from distributed.client import ClosedClientError
from distributed.comm import CommClosedError

import wsdkd
from wsdkd.ground.digests import digest
from wsdkd.ground.errors import UserError
from wsdkd.ground.reading import NotReadError, read_regular
from wsdkd.ground.workers import chunk_size

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 4
"""Tasks a core that are not yet taken: many enough that a slow one stops nobody, few enough for memory."""
CONNECT_SECONDS = 20
PATIENCE_SECONDS = 300
"""Without a result and without a worker, the map ends after this long; a cluster may be restarting some."""
MOST_BYTES = 1 << 30
"""Of a file that a worker must find with the same content."""
UNREADABLE = "cannot be read"
"""Stands in the place of a file's digest."""


class Surroundings(NamedTuple):
    """Of a process: whatever decides what it makes of a picture."""

    code: str
    """Digest of this package's source."""
    packages: tuple[str, ...]
    """Those that decode and search, each with its version."""
    files: tuple[tuple[str, str], ...]
    """Absolute paths, each with the SHA-256 of what the process finds there."""


def surroundings(files: Sequence[Path]) -> Surroundings:
    """The surroundings of this process, as far as ``files`` show them."""
    versions = (f"numpy {np.__version__}", f"OpenCV {cv2.__version__}", f"Pillow {PIL.__version__}")
    return Surroundings(_code(), versions, tuple((str(path.absolute()), _found(path)) for path in files))


def disagreement(asked: Surroundings, found: Surroundings) -> str | None:
    """What a worker lacks, in words, or None where it has all that it needs."""
    if found.code != asked.code:
        return "has other code of the package wsdkd; install the same everywhere, and restart the workers"
    if found.packages != asked.packages:
        return f"has {', '.join(found.packages)}, not {', '.join(asked.packages)}"
    for (path, content), (_, seen) in zip(asked.files, found.files, strict=True):
        if seen != content:
            what = "cannot read" if seen == UNREADABLE else "finds another file at"
            return f"{what} {path}; the same folder must lie at the same path everywhere"
    return None


@cache
def _code() -> str:
    folder = Path(wsdkd.__file__).parent
    return digest({path.relative_to(folder).as_posix(): _found(path) for path in folder.rglob("*.py")})


def _found(path: Path) -> str:
    try:
        return hashlib.sha256(read_regular(path, MOST_BYTES)).hexdigest()
    except NotReadError:
        return UNREADABLE


def map_on_cluster(
    function: Callable[[Item], Result], items: Sequence[Item], name: str, address: str, files: Sequence[Path]
) -> Iterator[Result]:
    """Yield ``function(item)`` for every item, in order.

    Each worker first compares its surroundings with those of this process. What a worker that died
    had begun, or had not yet handed over, the scheduler gives to another one.

    Args:
        function: importable by name on the workers, or a partial of such a function.
        items: what to work on.
        name: of the scheduler, in messages.
        address: of the scheduler, as ``tcp://host:8786``.
        files: what every worker must find as this process does.

    Raises:
        UserError: see :func:`wsdkd.cluster.map_pictures.map_pictures`.
    """
    with _in_words(name), _connected(name, address) as client:
        size = chunk_size(len(items), _cores(client))
        asked = surroundings(files)
        under_way: deque[Future] = deque()
        for start in range(0, len(items), size):
            task = _sealed(function, list(items[start : start + size]), asked)
            under_way.append(client.submit(task, pure=False))
            while len(under_way) >= AHEAD * max(1, _cores(client)):
                yield from _result(client, under_way.popleft(), name)
        while under_way:
            yield from _result(client, under_way.popleft(), name)


@contextmanager
def _in_words(name: str) -> Iterator[None]:
    try:
        yield
    except KilledWorker as error:
        raise UserError(
            f"{name}: a task ended every worker that took it, the last one {error.last_worker.address}, for "
            "want of memory perhaps; its log says more"
        ) from None
    except (CancelledError, ClosedClientError, CommClosedError):
        raise UserError(f"{name}: the connection to the scheduler was lost") from None
    except ModuleNotFoundError as error:
        raise UserError(
            f"{name}: a worker has no module {error.name}; install this package wherever workers run"
        ) from None


@contextmanager
def _connected(name: str, address: str) -> Iterator[Client]:
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{name}: no Dask scheduler answers there ({error}); start one: dask scheduler, or unset the "
            "variable to work on this machine alone"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError:
            raise UserError(
                f"{name}: the scheduler has no workers; start some: dask worker {address}"
            ) from None
        yield client


def _cores(client: Client) -> int:
    try:
        return sum(client.nthreads().values())
    except OSError as error:  # of this connection, and of no task, whose own would pass
        raise CommClosedError(str(error)) from None


def _result(client: Client, future: Future, name: str) -> list[Any]:
    while not future.done():
        try:
            with client.as_current():
                wait([future], timeout=PATIENCE_SECONDS)
        except TimeoutError:
            if not _cores(client):
                raise UserError(f"{name}: the scheduler has no workers left") from None
    result: list[Any] = future.result()
    return result


def _sealed(
    function: Callable[[Item], Result], chunk: Sequence[Item], asked: Surroundings
) -> Callable[[], list[Result]]:
    """A task in bytes, which nobody opens before it runs.

    Dask would open a plain one on the scheduler, and on a worker as the message arrives, where a
    package that is not installed ends the worker, and then the next one, instead of the task.
    """
    return partial(pickle.loads, pickle.dumps(_Work(function, chunk, asked)))


class _Work:
    # To unpickle it is to do it.
    def __init__(self, *arguments: Any):
        self.arguments = arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _work, self.arguments


def _work(function: Callable[[Item], Result], chunk: Sequence[Item], asked: Surroundings) -> list[Result]:
    require_agreement(asked)
    return [function(item) for item in chunk]


@cache
def require_agreement(asked: Surroundings) -> None:
    """Refuse to work, on a worker, in other surroundings than those asked for.

    Looks once in a process, not once a task. What raises is not remembered: a folder that was missing
    may be there the next time.

    Raises:
        UserError: something differs.
    """
    problem = disagreement(asked, surroundings([Path(path) for path, _ in asked.files]))
    if problem is not None:
        raise UserError(f"worker {get_worker().address} {problem}")

"""Work spread over processes, with results in the order of the items whatever their number."""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeVar

from wsdkd.ground.errors import UserError
from wsdkd.ground.progress import track

Item = TypeVar("Item")
Result = TypeVar("Result")

WORKERS_VARIABLE = "WSDKD_WORKERS"
CHUNKS_AHEAD = 8
"""Chunks a worker that are not yet taken: many enough that a slow one stops nobody, few enough for memory."""


def worker_count() -> int:
    """The number of worker processes: ``WSDKD_WORKERS``, or the CPUs this process may use.

    Raises:
        UserError: the variable is not a whole number above zero.
    """
    text = os.environ.get(WORKERS_VARIABLE)
    if not text:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not text.isdecimal() or int(text) == 0:
        raise UserError(f"{WORKERS_VARIABLE}={text}: expected a whole number above zero")
    return int(text)


def map_ordered(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    description: str,
    *,
    workers: int | None = None,
    unit: str = "image",
) -> Iterator[Result]:
    """Yield ``function(item)`` for every item, in order, behind a progress bar.

    Args:
        function: importable by name, or a :class:`functools.partial` of such a function.
        items: what to work on.
        description: stands before the bar.
        workers: number of processes; by default :func:`worker_count`. One runs here, in this process.
        unit: what an item is called behind the bar.

    Raises:
        concurrent.futures.process.BrokenProcessPool: a worker died, for want of memory perhaps.
    """
    workers = min(worker_count() if workers is None else workers, max(1, len(items)))
    if workers == 1:
        yield from track(map(function, items), description, total=len(items), unit=unit)
        return
    # Spawned, as a forked copy of a process with threads (Arrow's, OpenCV's) may hang.
    context = multiprocessing.get_context("spawn")
    size = chunk_size(len(items), workers)
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_leave_interrupts) as pool:
        yield from track(
            _ahead(pool, function, items, size, CHUNKS_AHEAD * workers),
            description,
            total=len(items),
            unit=unit,
        )


def _ahead(
    pool: ProcessPoolExecutor, function: Callable[[Item], Result], items: Sequence[Item], size: int, most: int
) -> Iterator[Result]:
    # Few chunks at a time, however many items: each under way holds its items, and then its results.
    under_way: deque[Future[list[Result]]] = deque()
    try:
        for start in range(0, len(items), size):
            # As a list, for a part of a table would be sent with the whole table.
            under_way.append(pool.submit(_work, function, list(items[start : start + size])))
            if len(under_way) >= most:
                yield from under_way.popleft().result()
        while under_way:
            yield from under_way.popleft().result()
    finally:
        for future in under_way:
            future.cancel()


def chunk_size(items: int, workers: int) -> int:
    """Items that a worker takes at once: few, so that the bar moves and all workers end together."""
    return max(1, min(32, items // (8 * workers)))


def _leave_interrupts() -> None:
    # Ctrl-C reaches every process of a terminal; the one that started these says so, and ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _work(function: Callable[[Item], Result], chunk: Sequence[Item]) -> list[Result]:
    return [function(item) for item in chunk]

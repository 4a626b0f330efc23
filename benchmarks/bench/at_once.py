"""The same work in as many processes as there are cores, at once: what the machine can do by itself.

Two threads of a core are no two cores, so that twice the speed of one process would be no bound at all.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from wsdkd.ground.workers import worker_count


@contextmanager
def at_once(work: Callable[[Any], None], given: Any) -> Iterator[Callable[[], None]]:
    """Processes that have begun and hold what they work on; the call that is yielded lets each do all of it.

    Args:
        work: importable by name.
        given: to each of the processes, once.
    """
    cores, context = worker_count(), get_context("spawn")
    holding = (work, given, context.Barrier(cores))
    with ProcessPoolExecutor(cores, mp_context=context, initializer=_hold, initargs=holding) as pool:

        def run() -> None:
            for done in [pool.submit(_work) for _ in range(cores)]:
                done.result()

        yield run


_held: list[Any] = []


def _hold(*holding: Any) -> None:
    _held[:] = holding


def _work() -> None:
    work, given, together = _held
    together.wait()  # so that no process takes the turn of another
    work(given)

"""A map over many pictures: by processes of this machine, or by a cluster's workers."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from wsdkd.ground.errors import UserError
from wsdkd.ground.progress import track
from wsdkd.ground.workers import map_ordered

Item = TypeVar("Item")
Result = TypeVar("Result")

SCHEDULER_VARIABLE = "WSDKD_SCHEDULER"


def map_pictures(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    description: str,
    *,
    workers: int | None = None,
    files: Sequence[Path] = (),
) -> Iterator[Result]:
    """Yield ``function(item)`` for every item, in order, behind a progress bar.

    The items go to the workers of the Dask scheduler whose address stands in ``WSDKD_SCHEDULER``, or,
    where none does, to processes of this machine. The address is no parameter: where the work is done
    changes no result, and must rerun no stage.

    Args:
        function: importable by name, or a :class:`functools.partial` of such a function; the paths in
            it are absolute, as a worker elsewhere runs in another folder.
        items: what to work on.
        description: stands before the bar.
        workers: number of processes of this machine, whatever scheduler is named; by default as many
            as CPUs, or the scheduler's workers.
        files: some that the function reads, and a worker must find with the same content;
            :func:`first_middle_last` chooses them.

    Raises:
        UserError: the scheduler cannot be reached, has no workers, loses them, or has some without
            the same package or files; or Dask is not installed.
        concurrent.futures.process.BrokenProcessPool: a process of this machine died.
    """
    address = os.environ.get(SCHEDULER_VARIABLE)
    if workers is not None or not address or not items:
        yield from map_ordered(function, items, description, workers=workers)
        return
    try:
        from wsdkd.cluster.dask_map import map_on_cluster
    except ModuleNotFoundError as error:
        raise UserError(
            f"{SCHEDULER_VARIABLE}={address}: needs Dask, and there is no module {error.name}; "
            "pip install distributed"
        ) from None
    results = map_on_cluster(function, items, f"{SCHEDULER_VARIABLE}={address}", address, files)
    yield from track(results, description, total=len(items))


def first_middle_last(items: Sequence[Item]) -> list[Item]:
    """Three of many files, or all of fewer: enough to tell another folder, and soon read."""
    return [items[place] for place in sorted({0, len(items) // 2, len(items) - 1})] if items else []

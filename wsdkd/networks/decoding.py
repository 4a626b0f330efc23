"""Pictures for one pass over many, decoded by other threads ahead of the network."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch

from wsdkd.data.images import load_square, naming_photograph
from wsdkd.ground.workers import worker_count

if TYPE_CHECKING:
    # Tables come with Arrow, which who labels a picture need not wait for.
    from wsdkd.data.tables import ImageRow

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")

AHEAD = 4  # batches decoded before they are asked for, where few threads decode


def picture_batches(
    rows: Sequence["ImageRow"],
    root: Path,
    size: int,
    mirrored: bool,
    batch_size: int,
    pinning: bool = False,
) -> Iterator[tuple[Sequence["ImageRow"], torch.Tensor]]:
    """Yield batches of rows with their pictures, uint8 (B, 3, size, size), in order.

    With ``pinning`` they are in memory that a GPU copies from by itself.

    Raises:
        UserError: a picture cannot be read, though the stage ``prepare`` could.
    """

    def load(batch: Sequence["ImageRow"]) -> torch.Tensor:
        pictures = as_batch([_prepared(root / row.path, size) for row in batch], mirrored)
        return pictures.pin_memory() if pinning else pictures

    return loaded_ahead(rows, load, batch_size)


def loaded_ahead(
    items: Sequence[Item], load: Callable[[Sequence[Item]], Loaded], batch_size: int
) -> Iterator[tuple[Sequence[Item], Loaded]]:
    """Yield batches of ``items`` with what ``load`` makes of each, in order; few are held at a time.

    Decoding releases the interpreter's lock, so threads serve, and nothing must be picklable.
    """
    # As lists, for a row of a table is read from its file each time that it is asked for.
    batches = (list(items[start : start + batch_size]) for start in range(0, len(items), batch_size))
    threads = worker_count()
    with ThreadPoolExecutor(threads) as pool:
        # A thread decodes a batch, so that more threads than batches would stand idle.
        ahead = max(AHEAD, threads)
        waiting = deque((batch, pool.submit(load, batch)) for batch in islice(batches, ahead))
        while waiting:
            batch, loading = waiting.popleft()
            loaded = loading.result()
            waiting.extend((following, pool.submit(load, following)) for following in islice(batches, 1))
            yield batch, loaded


def as_batch(pictures: Sequence[np.ndarray], mirrored: bool = False) -> torch.Tensor:
    """Pictures, uint8 (size, size, 3) each, as one tensor (B, 3, size, size)."""
    stacked = np.stack(pictures)
    return torch.from_numpy(stacked[:, :, ::-1].copy() if mirrored else stacked).permute(0, 3, 1, 2)


def _prepared(path: Path, size: int) -> np.ndarray:
    with naming_photograph(path):
        return load_square(path, size)

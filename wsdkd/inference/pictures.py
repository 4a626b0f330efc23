"""Pictures for one pass over a dataset, decoded ahead of the network by other threads."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from wsdkd.images import load_square
from wsdkd.tables.images import ImageRow
from wsdkd.workers import worker_count

AHEAD = 4  # batches decoded before they are asked for


def picture_batches(
    rows: Sequence[ImageRow], root: Path, size: int, mirrored: bool, batch_size: int
) -> Iterator[tuple[Sequence[ImageRow], torch.Tensor]]:
    """Yield batches of rows with their pictures, uint8 (B, 3, size, size), in order.

    Decoding releases the interpreter's lock, so threads serve, and nothing must be picklable.
    """
    batches = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]

    def load(batch: Sequence[ImageRow]) -> torch.Tensor:
        pictures = np.stack([load_square(root / row.path, size) for row in batch])
        return torch.from_numpy(pictures[:, :, ::-1].copy() if mirrored else pictures).permute(0, 3, 1, 2)

    with ThreadPoolExecutor(worker_count()) as pool:
        waiting = [pool.submit(load, batch) for batch in batches[:AHEAD]]
        for place, batch in enumerate(batches):
            pictures = waiting.pop(0).result()
            if place + AHEAD < len(batches):
                waiting.append(pool.submit(load, batches[place + AHEAD]))
            yield batch, pictures

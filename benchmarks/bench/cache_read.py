"""Reading the cache in the order of training, against the same bytes from one flat file."""

import os

import numpy as np

from benchmarks.bench.alternate import alternate
from benchmarks.bench.row import Measured, Row
from benchmarks.bench.world import World
from wsdkd.cache.format import ARRAYS
from wsdkd.training.views import EpochViews

EPOCHS = 4


def _measure(world: World) -> Measured:
    cache, rows = world.cache, world.cached_rows
    params = world.profile.distill_features.training
    order = EpochViews(len(rows), params.batch_size, [1], params.seed, range(EPOCHS))
    views = [view for place in range(len(order)) for view in order[place]]
    # A view's fields are as they lie on the disk.
    sizes = [sum(part.nbytes for part in cache.view(row.image_id, mirrored=False)) for row in rows]
    flat = world.folder / "flat"
    # Both views of an image, one after the other.
    starts = np.cumsum([0, *np.repeat(sizes, 2)])
    flat.write_bytes(os.urandom(int(starts[-1])))

    def ours() -> None:
        for view in views:
            cache.view(rows[view.row].image_id, view.mirrored)

    with flat.open("rb", buffering=0) as file:

        def bare() -> None:
            for view in views:
                file.seek(int(starts[2 * view.row + view.mirrored]))
                np.fromfile(file, np.uint8, sizes[view.row])

        return alternate(
            ours,
            bare,
            world.sizes.pairs,
            items=len(views),
            item="view",
            note=f"{np.mean(sizes):,.0f} bytes a view in {len(ARRAYS)} arrays, as precise as stored; "
            f"batches of {params.batch_size}, shuffled; page cache warm",
        )


ROWS = (
    Row(
        "cache_read",
        "a view of an image read from the cache, in the order of training",
        "as many bytes read from a flat file with NumPy, in the same order",
        _measure,
        target=0.5,
    ),
)

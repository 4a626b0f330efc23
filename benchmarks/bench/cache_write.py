"""Writing the cache, against the forward passes that it cannot do without."""

from itertools import count

import torch

from benchmarks.bench.alternate import alternate
from benchmarks.bench.row import Measured, Row
from benchmarks.bench.teacher_batches import teacher_batches
from benchmarks.bench.world import World


def _measure(world: World) -> Measured:
    numbers = count()
    batch_size, model = world.profile.cache.batch_size, world.teacher.model
    batches = [each for flag in (False, True) for each in teacher_batches(world, batch_size, flag)]

    @torch.inference_mode()
    def bare() -> None:
        for batch in batches:
            model(*batch)

    params, images = world.teacher.params, world.sizes.cached
    return alternate(
        lambda: world.write_cache(f"cache-{next(numbers)}"),
        bare,
        world.sizes.pairs,
        items=images,
        item="image in both views",
        note=f"{images} images of {params.input_size} px with {params.proposals} proposals",
    )


ROWS = (
    Row(
        "cache_write",
        "cache_teacher: decoding, both views, RoIs chosen, written and flushed to the disk",
        "the teacher's forward passes alone, batches in memory",
        _measure,
        target=0.95,
    ),
)

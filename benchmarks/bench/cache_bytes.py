"""Bytes of the cache an image, against features of all regions in full precision."""

from benchmarks.bench.row import Measured, Row
from benchmarks.bench.world import World
from wsdkd.cache.writing.estimate import written_size

VIEWS, FULL_PRECISION = 2, 4


def _measure(world: World) -> Measured:
    images, cache = len(world.cached_rows), world.cache
    written = written_size(world.folder / "cache") / images
    best = world.profile.teacher.proposals
    regions = sum(len(world.proposals.of(row.image_id, best)[1]) for row in world.cached_rows) / images
    everything = regions * cache.feature_dim * FULL_PRECISION * VIEWS
    views = [cache.view(row.image_id, flag) for row in world.cached_rows for flag in (False, True)]
    kept = sum(len(view.chosen) for view in views) / len(views)
    return Measured(
        (everything / written,),
        written,
        everything,
        "image",
        f"features of {kept:.1f} of {regions:.1f} regions and both heads' logits of all, in "
        f"{world.profile.cache.bits} bits; {len(world.classes)} classes",
    )


ROWS = (
    Row(
        "cache_bytes",
        "bytes of the cache",
        "features of all RoIs, fp32, two views",
        _measure,
        ratio="size",
        target=20.0,
    ),
)

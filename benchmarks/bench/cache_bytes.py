"""Bytes of the cache an image, against features of all regions in full precision."""

from functools import partial

from benchmarks.bench.row import Measured, Row
from benchmarks.bench.world import World
from wsdkd.cache.estimate import written_size
from wsdkd.cache.reader import TeacherCache

VIEWS, FULL_PRECISION = 2, 4


def _measure(world: World, **changes: object) -> Measured:
    images, cache = len(world.cached_rows), world.cache
    folder = world.write_cache(f"cache {changes}", **changes) if changes else world.folder / "cache"
    written = written_size(folder) / images
    best = world.profile.teacher.proposals
    regions = sum(len(world.proposals.of(row.image_id, best)[1]) for row in world.cached_rows) / images
    everything = regions * cache.feature_dim * FULL_PRECISION * VIEWS
    with TeacherCache(folder) as read:
        views = [read.view(row.image_id, flag) for row in world.cached_rows for flag in (False, True)]
    kept = sum(len(view.chosen) for view in views) / len(views)
    return Measured(
        (everything / written,),
        written,
        everything,
        "image",
        f"features of {kept:.1f} of {regions:.1f} regions and both heads' logits of all, "
        f"{len(world.classes)} classes",
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
    Row(
        "cache_bytes_8",
        "bytes of the cache with cache.bits: 8 and cache.rois: 8",
        "features of all RoIs, fp32, two views",
        partial(_measure, bits=8, rois=8),
        ratio="size",
    ),
)

"""What a training run keeps of each image, beside what the budget allows: bytes, not objects."""

import gc
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pyarrow as pa
import pytest

from wsdkd import project
from wsdkd.cache.format import SCHEMA_VERSION
from wsdkd.cache.manifest import Manifest, ShardEntry, Structure, write_ids, write_manifest
from wsdkd.cache.reader import TeacherCache
from wsdkd.data import parquet
from wsdkd.data.tables import ImageRow, read_images, write_images
from wsdkd.distill.from_cache import CachedPredictions
from wsdkd.distill.params import SoftenedPredictions
from wsdkd.proposals.stored import read_proposals, write_proposals
from wsdkd.training.loader import Labels
from wsdkd.training.pictures import Pictures
from wsdkd.training.views import EpochViews

CLASSES = [f"class {number}" for number in range(80)]
FEW, MANY = 1_000, 6_000
SHARD = 1_000


def image_id(place: int) -> str:
    return f"train/{place:012d}.jpg"


def write_tables(folder: Path, images: int) -> None:
    rng = np.random.default_rng(0)
    write_images(
        folder / "images.parquet",
        [
            ImageRow(image_id(place), image_id(place), 64, 48, "train", (1, 5), (), f"{place:064x}")
            for place in range(images)
        ],
    )
    boxes, scores = np.sort(rng.random((40, 4), dtype=np.float32)), rng.random(40, dtype=np.float32)
    write_proposals(folder / "proposals", ((image_id(place), boxes, scores) for place in range(images)))
    shards = tuple(
        ShardEntry(
            file=f"shard-{first}",
            bytes=1,
            sha256="",
            structure=Structure(rows=(), sha256=""),
            fingerprint={},
            images=SHARD,
        )
        for first in range(0, images, SHARD)
    )
    (folder / "cache").mkdir()
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        classes=tuple(CLASSES),
        feature_dim=8,
        fingerprint={},
        settings={},
        ids_sha256=write_ids(folder / "cache", map(image_id, range(images))),
        shards=shards,
    )
    write_manifest(folder / "cache", manifest)


def kept(make: Callable[[], object]) -> int:
    """Bytes that are held after a call, by Python, NumPy and Arrow."""
    gc.collect()
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    held = make()
    gc.collect()
    size = tracemalloc.get_traced_memory()[0] + pa.total_allocated_bytes() - before
    tracemalloc.stop()
    del held
    return size


def everything(folder: Path) -> list[object]:
    rows = read_images(folder / "images.parquet", "train")
    views = EpochViews(len(rows), 16, [64], 0, range(2))
    cache = TeacherCache(folder / "cache")
    extras = CachedPredictions(rows, cache, SoftenedPredictions())
    proposals = read_proposals(folder / "proposals")
    labels, pictures = Labels(rows, len(CLASSES)), Pictures(rows, folder, [64])
    for place in range(20):
        labels(views[place])
        proposals.of(rows[views[place][0].row].image_id)
    return [rows, views, cache, extras, proposals, labels, pictures]


def test_an_image_takes_few_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSDKD_MEMORY_GB", "0")
    sizes = []
    for images in (FEW, MANY):
        folder = tmp_path / str(images)
        folder.mkdir()
        write_tables(folder, images)
        everything(folder)  # what is made once a process is no image's
        sizes.append(kept(lambda folder=folder: everything(folder)))
    each = (sizes[1] - sizes[0]) / (MANY - FEW)
    # Its place in an epoch takes 9. Ids are 22 bytes, digests 64, 40 boxes 800, the indices of proposals and
    # of the cache 20 each: all of these are in files.
    assert 5 < each < 20


def test_a_second_process_unpacks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are those of open files: here, too, the second reader is one among several."""
    monkeypatch.chdir(tmp_path)
    project.RESUME.mkdir(parents=True)
    write_tables(project.DATA, FEW)
    for path in project.DATA.rglob("*.parquet"):
        os.utime(path, (0, 0))  # a file that was written just now is not shared
    first = everything(project.DATA)
    made = sorted(project.UNPACKED.iterdir())
    assert len(made) == 3  # rows, proposals, ids in the cache
    refuse = Mock(side_effect=AssertionError("unpacked again"))
    monkeypatch.setattr(parquet.pq, "ParquetFile", refuse)
    second = everything(project.DATA)
    assert sorted(project.UNPACKED.iterdir()) == made
    assert second[0] == first[0]
    with pytest.raises(AssertionError, match="unpacked again"):
        read_images(project.DATA / "images.parquet", "val")
    del first, second
    gc.collect()
    assert not project.UNPACKED.exists()
